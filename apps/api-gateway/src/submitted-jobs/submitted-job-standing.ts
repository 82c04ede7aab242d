import type { JobDoc, JobStatus, SubmittedJobDoc } from '@foldline/contracts';

/** S1-12, S1-13. */
export const SUBMITTED_STATUSES = ['queued', 'running', 'success', 'failure', 'timeout', 'cancelled'] as const;
export type SubmittedStatus = (typeof SUBMITTED_STATUSES)[number];
export type SubmittedStepStatus = Exclude<SubmittedStatus, 'queued'> | 'pending' | 'skipped';

const STATUS: Readonly<Record<JobStatus, SubmittedStatus>> = {
  created: 'queued',
  manual: 'queued',
  delayed: 'queued',
  waiting_for_resource: 'queued',
  queued: 'queued',
  assigned: 'queued',
  running: 'running',
  finishing: 'running',
  success: 'success',
  failed: 'failure',
  timed_out: 'timeout',
  cancelled: 'cancelled',
  skipped: 'cancelled',
};
const OF_OUTCOME: Readonly<Record<string, SubmittedStatus>> = {
  success: 'success',
  failed: 'failure',
  timed_out: 'timeout',
};
const OF_STEP: Readonly<Record<string, SubmittedStepStatus>> = {
  success: 'success',
  failed: 'failure',
  timed_out: 'timeout',
  cancelled: 'cancelled',
  skipped: 'skipped',
};

/** How the pipeline ended of a job that has ended like this. */
export const OUTCOME_OF: { readonly [Status in SubmittedStatus]?: string } = {
  success: 'success',
  failure: 'failed',
  timeout: 'timed_out',
  cancelled: 'cancelled',
};

export const hasEnded = (status: SubmittedStatus): status is Exclude<SubmittedStatus, 'queued' | 'running'> =>
  status !== 'queued' && status !== 'running';

export type StandingStep = {
  name: string;
  status: SubmittedStepStatus;
  exitCode?: number;
  durationMs?: number;
  detail?: string;
  /** The attempt that has carried it out, of which this one goes on. */
  resumedFrom?: number;
  /** Where in the log its output is; without an end as far as the log goes. */
  log?: { start: number; end?: number };
};
export type Standing = { status: SubmittedStatus; currentStep: number; steps: StandingStep[] };

/** How a submitted job stands: what its pipeline and that one's job say. */
export const standingOf = (submitted: SubmittedJobDoc, job: JobDoc | undefined): Standing => {
  const status = statusOf(submitted, job);
  const steps = stepsOf(submitted, status, job);
  // The one that runs, the last one that did, or the first.
  const begun = steps.findLastIndex((step) => step.status !== 'pending' && step.status !== 'skipped');
  return { status, currentStep: Math.max(0, begun), steps };
};

const statusOf = ({ outcome }: SubmittedJobDoc, job: JobDoc | undefined): SubmittedStatus => {
  if (job) return STATUS[job.status];
  return outcome === undefined ? 'queued' : (OF_OUTCOME[outcome] ?? 'cancelled');
};

const stepsOf = ({ steps }: SubmittedJobDoc, status: SubmittedStatus, job: JobDoc | undefined): StandingStep[] => {
  const finished = new Map(
    (job?.steps ?? [])
      .filter(({ attempt, step }) => attempt === job?.attempt && step !== undefined)
      .map((step) => [step.step!, step]),
  );
  let logEnd = 0;
  let isNext = true;
  return steps.map((name, at) => {
    const done = finished.get(at);
    if (done) {
      const { outcome, exitCode, durationMs, detail, resumedFrom, log } = done;
      logEnd = log?.end ?? logEnd;
      const step = { name, status: OF_STEP[outcome] ?? 'failure', durationMs };
      return {
        ...step,
        ...(exitCode !== undefined && { exitCode }),
        ...(detail !== undefined && { detail }),
        ...(resumedFrom !== undefined && { resumedFrom }),
        ...(log && { log }),
      };
    }
    const isCurrent = isNext;
    isNext = false;
    if (status === 'running' && isCurrent) return { name, status, log: { start: logEnd } };
    // A job that was ended from outside has told nothing of the step that it was at.
    if (hasEnded(status)) return { name, status: status === 'success' || !isCurrent ? 'skipped' : status };
    return { name, status: 'pending' };
  });
};
