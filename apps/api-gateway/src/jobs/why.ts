import type { JobDoc, JobStatus, PipelineDoc, ResourceGroupDoc } from '@foldline/contracts';

export type Waiting = { code: string; detail: string; ahead?: number };

const IN_WORDS: Readonly<Record<JobStatus, string>> = {
  created: 'has not had its turn yet',
  manual: 'waits for a person to start it',
  delayed: 'waits until its time is over',
  waiting_for_resource: 'waits for its resource group',
  queued: 'waits for a runner',
  assigned: 'is about to start',
  running: 'is running',
  finishing: 'has run, and what it made is being stored',
  success: 'succeeded',
  failed: 'failed',
  cancelled: 'was cancelled',
  timed_out: 'ran longer than it may',
  skipped: 'was skipped',
};

/** What of others matters to a job that waits: how many jobs were queued before it, and its resource group. */
export type Around = { ahead?: number | undefined; group?: ResourceGroupDoc | undefined };

/** What a job that does not run yet waits for. */
export const waitingOf = (job: JobDoc, { ahead, group }: Around = {}): Waiting | undefined => {
  const last = job.why.at(-1)?.because;
  if (job.status === 'created') return { code: 'turn', detail: 'jobs it waits for have not ended' };
  if (job.status === 'manual') return { code: 'manual', detail: last?.detail ?? 'a person must start it' };
  if (job.status === 'delayed') return { code: 'delayed', detail: `it is queued at ${job.startsAt}` };
  if (job.status === 'waiting_for_resource') {
    const by = group?.holder ? `is held by job ${group.holder.jobId}` : 'is given to another job first';
    return { code: 'resource_group', detail: `the resource group "${job.resourceGroup}" ${by}` };
  }
  if (job.status !== 'queued') return undefined;
  const reason =
    job.why.at(-1)?.event === 'JobWaiting'
      ? { code: last!.rule, detail: last!.detail }
      : { code: 'runner', detail: 'no runner has taken it yet' };
  return { ...reason, ...(ahead === undefined ? {} : { ahead }) };
};

/** The decisions about a job; one that was cancelled with its pipeline was so because of what cancelled that. */
export const decisionsOf = ({ why }: JobDoc, { because }: Pick<PipelineDoc, 'because'>): JobDoc['why'] => {
  if (!because) return why;
  return why.map((decision) =>
    decision.event === 'JobCancelled' && decision.because.rule === 'cancelled' ? { ...decision, because } : decision,
  );
};

const aheadInWords = (ahead: number | undefined): string => {
  if (ahead === undefined) return '';
  if (ahead === 0) return '; nothing is queued before it';
  return `; ${ahead} ${ahead === 1 ? 'job is' : 'jobs are'} queued before it`;
};

const ON_A_RUNNER = new Set<JobStatus>(['assigned', 'running', 'finishing']);
/** Ends that were decided, and not just reached. */
const EXPLAINED = new Set<JobStatus>(['failed', 'timed_out', 'cancelled', 'skipped']);

/** The state of a job and the last decision about it, as one sentence. */
export const sentenceOf = (job: JobDoc, waiting: Waiting | undefined): string => {
  const start = `${job.name} ${IN_WORDS[job.status]}`;
  if (waiting) return `${start}: ${waiting.detail}${aheadInWords(waiting.ahead)}.`;
  if (ON_A_RUNNER.has(job.status)) return job.runnerId === undefined ? `${start}.` : `${start} on ${job.runnerId}.`;
  const last = EXPLAINED.has(job.status) ? job.why.at(-1)?.because : undefined;
  const exit = job.exitCode === undefined ? '' : ` with exit code ${job.exitCode}`;
  return last ? `${start}${exit}: ${last.detail} (${last.rule}).` : `${start}${exit}.`;
};
