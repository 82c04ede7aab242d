import type { PipelineStatus } from './read-models.ts';

/** Where seed 001 puts the repository of a job; in what a submission says of paths it means the job's workspace. */
export const SUBMITTED_WORKSPACE = '/workspace/repo';

/** What a submitted job has at most; the document of a job keeps what one attempt makes of all of them. */
export const MAX_SUBMITTED_STEPS = 100;
export const MAX_CACHE_KEYS = 10;

/** A command of a submitted job (S1-02). Times are whole seconds. */
export type SubmittedStep = {
  name: string;
  run: string;
  /** Absolute, or relative to the repository. */
  workingDir?: string;
  env?: Record<string, string>;
  continueOnError?: true;
  /** Later attempts always carry it out again. */
  resumable?: false;
  timeout?: number;
};

/** A job as it was submitted (S1-01), with what was left out filled in. */
export type SubmittedJob = {
  /** What whoever submitted it calls it. */
  id: string;
  /** As they wrote it: a branch, a tag or a commit; without one it is the newest of its branch. */
  commit?: string;
  branch?: string;
  steps: SubmittedStep[];
  env: Record<string, string>;
  /** Lockfiles; without them those of the repository's own directory. */
  cacheKeys?: string[];
  image?: string;
  timeout: number;
  priority: number;
  /** Further attempts after a failure. */
  retries: number;
  /** Stopped for a job of higher priority that finds no place; it goes on later where it was (C13). */
  interruptible?: true;
};

/** A submitted job, whose pipeline tells how it stands. */
export type SubmittedJobDoc = Pick<SubmittedJob, 'commit' | 'branch' | 'image' | 'timeout' | 'priority' | 'retries'> & {
  /** Of its pipeline. */
  id: string;
  /** What whoever submitted it calls it. */
  name: string;
  projectId: string;
  project: string;
  sha: string;
  steps: string[];
  createdAt: string;
  /** Of the request in the log. */
  position: number;
  /** How its pipeline ended; absent while it goes on. */
  outcome?: PipelineStatus;
};
