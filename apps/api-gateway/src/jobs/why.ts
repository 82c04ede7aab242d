import type { JobDoc, JobStatus, PipelineDoc } from '@foldline/contracts';
import type { Waiting } from '../queue/waiting.ts';

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

/** The decisions about a job; one that was cancelled with its pipeline was so because of what cancelled that. */
export const decisionsOf = ({ why }: JobDoc, { because }: Pick<PipelineDoc, 'because'>): JobDoc['why'] => {
  if (!because) return why;
  return why.map((decision) =>
    decision.event === 'JobCancelled' && decision.because.rule === 'cancelled' ? { ...decision, because } : decision,
  );
};

/** What is told of its turn. */
const turnInWords = ({ position, expectedStart }: Waiting): string => {
  if (position === undefined) return '';
  const before = position - 1;
  const turn = before === 0 ? '; it is next' : `; ${before} ${before === 1 ? 'job goes' : 'jobs go'} before it`;
  return expectedStart ? `${turn}, and it is expected to start at ${expectedStart.at}` : turn;
};

const ON_A_RUNNER = new Set<JobStatus>(['assigned', 'running', 'finishing']);
/** Ends that were decided, and not just reached. */
const EXPLAINED = new Set<JobStatus>(['failed', 'timed_out', 'cancelled', 'skipped']);

/** The state of a job and the last decision about it, as one sentence. */
export const sentenceOf = (job: JobDoc, waiting: Waiting | undefined): string => {
  const start = `${job.name} ${IN_WORDS[job.status]}`;
  if (waiting) return `${start}: ${waiting.detail}${turnInWords(waiting)}.`;
  if (ON_A_RUNNER.has(job.status)) return job.runnerId === undefined ? `${start}.` : `${start} on ${job.runnerId}.`;
  const last = EXPLAINED.has(job.status) ? job.why.at(-1)?.because : undefined;
  const exit = job.exitCode === undefined ? '' : ` with exit code ${job.exitCode}`;
  return last ? `${start}${exit}: ${last.detail} (${last.rule}).` : `${start}${exit}.`;
};
