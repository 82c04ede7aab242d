import type { Durations } from './durations.ts';
import type { SlowTest, TestCounts } from './reports.ts';

/** What is measured over all projects. */
export const ALL_PROJECTS = 'all';
/** What is measured since the beginning, and not in one hour. */
export const EVER = 'ever';

/** What jobs have used of which that is known: `n` of them. The peak is the greatest of any of them. */
export type Used = { n: number; cpuMs: number; peakMemoryBytes: number; readBytes: number; writtenBytes: number };

/** How many things ended how; durations are of what ran. */
export type JobTally = {
  success: number;
  failed: number;
  timedOut: number;
  cancelled: number;
  skipped: number;
  /** Of those that failed or took too long: what might. */
  allowed: number;
  /** Attempts that followed another one. */
  retries: number;
  /** Ended well after an attempt at the same commit had failed by itself. */
  flaky: number;
  /** From the start to the end of the last attempt. */
  ran: Durations;
  /** From when it was queued to its start. */
  waited: Durations;
  used: Used;
};

export type Mean = { n: number; sumMs: number };
/** Jobs of one stage, of one name in the definition, or of one project. */
export type NamedTally = JobTally & {
  name: string;
  /** Those that found all caches that they asked for, and those that found some or none. */
  cached: Mean;
  uncached: Mean;
};

export type PipelineTally = {
  success: number;
  failed: number;
  timedOut: number;
  cancelled: number;
  skipped: number;
  took: Durations;
};

export type CacheTally = {
  hits: number;
  /** An older entry was found. */
  fallbacks: number;
  misses: number;
  bytesRestored: number;
  saved: number;
  bytesSaved: number;
  /** Entries that are there no more. */
  removed: number;
  bytesRemoved: number;
};

export type ArtifactTally = { count: number; bytes: number; largest: number };

/** What reports of tests have said; `slowest` with the names of their jobs in the definition. */
export type TestTally = TestCounts & { reports: number; slowest: (SlowTest & { job: string })[] };

/** Deployments to one environment, or of one service. */
export type DeploymentTally = {
  name: string;
  isService: boolean;
  success: number;
  failed: number;
  rolledBack: number;
  /** From the commit to its deployment. */
  lead: Durations;
  /** From a failure to the next deployment that succeeded. */
  restored: Durations;
};

/** One name each; what came when the list was full is added up in `rest`. */
export type Named<Tally> = { items: Tally[]; rest?: Tally };

/**
 * What happened in one hour, or ever, in one project, or in all; ever in one project of caches alone. `id` is
 * `<scope>/<hour>`.
 */
export type MetricsDoc = {
  id: string;
  /** A project's id, or `ALL_PROJECTS`. */
  scope: string;
  /** In UTC, as `2030-01-31T23`, or `EVER`. */
  hour: string;
  jobs: JobTally;
  pipelines: PipelineTally;
  caches: CacheTally;
  artifacts: ArtifactTally;
  tests: TestTally;
  /** Of an hour of a project. */
  deployments: Named<DeploymentTally>;
  stages: Named<NamedTally>;
  names: Named<NamedTally>;
  /** Of an hour of all: by id. */
  projects: Named<NamedTally>;
};

/**
 * `metrics` by `byScope`: the hours of a scope, in their order, and at last what was ever. By `ever`: what was ever, of
 * every scope.
 */
export const metricsId = (scope: string, hour: string): string => `${scope}/${hour}`;
