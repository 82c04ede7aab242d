import type {
  Because,
  CancelReason,
  FailureReason,
  Outcome,
  PipelineContext,
  Plan,
  PlannedJob,
  Resume,
} from '@foldline/contracts';

/**
 * A pipeline as the scheduler sees it. One pipeline is one stream, so the graph of its jobs, cancellation and retries
 * are decided under one version check. Counters and the set of ready jobs are kept in the state: an event costs the
 * jobs it touches, never the jobs there are.
 */
export type PipelineState = {
  phase: 'new' | 'running' | 'finished';
  cancelling: boolean;
  /** Why, when no person asked for it. */
  cancelReason?: CancelReason;
  /** A job that is not interruptible has been given to a runner. */
  begunToStay: boolean;
  context?: PipelineContext;
  plan?: Plan;
  jobs: JobState[];
  stages: StageState[];
  /** Jobs that start other pipelines. */
  triggers: number;
  /** Jobs that declare artifacts, in the order of their stages. */
  producers: number[];
  /** The stage whose jobs without `needs` may go: the first that is unsettled, or the last; -1 before the start. */
  frontier: number;
  /** Jobs whose predecessors are settled and about which nothing has been decided yet, in the order they became so. */
  ready: Set<number>;
  /** Jobs that the pipeline's end waits for: neither settled nor optional. */
  open: number;
  /** Jobs that go on without anybody: awaiting their resource, queued, assigned, finishing, or behind a pipeline that they started. */
  moving: number;
  /** Manual jobs that are held and that later jobs wait for. */
  blocking: Set<number>;
  /** Jobs whose turn has come and whose time runs. */
  delayed: Set<number>;
  /** Jobs by how they ended; `warned` did not end well and might. */
  tally: { success: number; warned: number; skipped: number; cancelled: number; failed: number; timedOut: number };
};

export type StageState = {
  name: string;
  jobs: number[];
  /** Jobs that later stages still wait for. */
  unsettled: number;
  /** Jobs that ended badly and were not allowed to. */
  bad: Set<number>;
  /** Jobs that were skipped because of the stages before theirs; decided again when a job there runs again. */
  skipped: Set<number>;
};

export type JobStatus =
  | 'created'
  | 'held'
  | 'delayed'
  | 'awaiting'
  | 'queued'
  | 'assigned'
  | 'finishing'
  | 'triggered'
  | 'success'
  | 'failed'
  | 'skipped'
  | 'cancelled';

export type JobState = {
  id: string;
  planned: PlannedJob;
  stage: number;
  status: JobStatus;
  attempt: number;
  /** The last attempt that ended by itself, well or not: what it has kept counts until the next one ends. */
  endedAttempt?: number;
  /** Jobs that need this one by name. */
  dependents: number[];
  /** Needs that are not settled yet. */
  needsOpen: number;
  /** The pipeline that it has started, in which attempt, and whether that was told of a newer one. */
  downstream?: { id: string; attempt: number; superseded?: true };
  runnerId?: string;
  /** The lease that the runner was given the attempt under. */
  epoch?: string;
  stopReason?: 'cancelled' | 'preempted';
  /** Why it is told to stop, when its pipeline goes on. */
  stopBecause?: Because;
  waitingCode?: string;
  failure?: FailureReason;
  allowedToFail: boolean;
  retries: { policy: number; lost: number };
  /** Whether its attempt goes on from what earlier ones have kept. */
  resume?: Resume;
  /** Uploads of the current attempt that are visible, or refused. */
  commits: Map<string, boolean>;
  finishing?: {
    outcome: Outcome;
    reason?: FailureReason;
    detail?: string;
    exitCode?: number;
    coverage?: number;
    environmentUrl?: string;
    awaiting: string[];
  };
};

export const newPipeline = (): PipelineState => ({
  phase: 'new',
  cancelling: false,
  begunToStay: false,
  jobs: [],
  stages: [],
  triggers: 0,
  producers: [],
  frontier: -1,
  ready: new Set(),
  open: 0,
  moving: 0,
  blocking: new Set(),
  delayed: new Set(),
  tally: { success: 0, warned: 0, skipped: 0, cancelled: 0, failed: 0, timedOut: 0 },
});

const SETTLED: ReadonlySet<JobStatus> = new Set(['success', 'failed', 'skipped', 'cancelled']);
export const isSettled = (job: JobState): boolean => SETTLED.has(job.status);
export const isActive = (job: JobState): boolean => job.status === 'assigned' || job.status === 'finishing';
export const isMoving = (job: JobState): boolean =>
  job.status === 'awaiting' || job.status === 'queued' || job.status === 'triggered' || isActive(job);
/** A manual job that may fail is optional: nobody waits for it (as GitLab's non-blocking manual jobs). */
export const isOptional = (job: JobState): boolean => job.status === 'held' && job.planned.allowFailure;
/** Ended badly in a way that later jobs must notice. */
export const isBad = (job: JobState): boolean =>
  (job.status === 'failed' && !job.allowedToFail) || (job.status === 'cancelled' && !job.planned.allowFailure);

/** The job that a command means, if it is this pipeline's and at this attempt; anything else is stale news. */
export const currentAttempt = (state: PipelineState, jobId: string, attempt: number): JobState | undefined => {
  const job = jobById(state, jobId);
  return job?.attempt === attempt ? job : undefined;
};

export const jobById = (state: PipelineState, jobId: string): JobState | undefined => {
  const job = state.jobs[Number(jobId.slice(jobId.lastIndexOf('.') + 1))];
  return job?.id === jobId ? job : undefined;
};
