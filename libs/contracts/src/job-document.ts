import type { Because } from './events/pipeline.events.ts';
import type { FailureReason, RunnerRequirements } from './plan.ts';
import type { ScanKind, SeverityCounts, TestCounts } from './reports.ts';

/** Status words are those of C02. */
export type JobStatus =
  | 'created'
  | 'manual'
  | 'delayed'
  | 'waiting_for_resource'
  | 'queued'
  | 'assigned'
  | 'running'
  | 'finishing'
  | 'success'
  | 'failed'
  | 'cancelled'
  | 'timed_out'
  | 'skipped';
export type JobDoc = {
  id: string;
  pipelineId: string;
  projectId: string;
  /** `owner/name` */
  project: string;
  index: number;
  name: string;
  definition: string;
  /** Jobs of one project that have the same are alike: what they took tells what the next one will. */
  kind: string;
  stage: string;
  status: JobStatus;
  /** 0 until it was queued for the first time. */
  attempt: number;
  /** 0 to 10; higher goes first. */
  priority: number;
  requirements: RunnerRequirements;
  /** As planned; of a job that failed, whether it might. */
  allowFailure: boolean;
  /** How many steps it is planned to have. */
  stepCount: number;
  /** What a person is to confirm before starting it. */
  confirmation?: string;
  exitCode?: number;
  /** What its last attempt used: milliseconds of CPU time and bytes, as far as its executor could tell. */
  usage?: { cpuMs: number; peakMemoryBytes?: number; readBytes?: number; writtenBytes?: number };
  reason?: FailureReason;
  /** Attempts that failed by what the job did, and not by what it runs on. */
  ownFailures?: number;
  detail?: string;
  coverage?: number;
  /** What the reports of its last attempt say: of its tests, and of each scanner. */
  tests?: TestCounts;
  scans?: ({ kind: ScanKind; scanner: string } & SeverityCounts)[];
  runnerId?: string;
  cluster?: { id: string; power: string };
  environment?: { name: string; url?: string };
  /** Of a job that deploys: when what it deploys was committed. */
  committedAt?: string;
  resourceGroup?: string;
  /** The pipeline that the job has started, and whose it is: `owner/name`. */
  downstream?: { pipelineId: string; project: string };
  matrix?: Record<string, string>;
  /** Every decision about this job, oldest first: what was decided, by which rule, because of which jobs. */
  why: { at: string; position: number; event: string; because: Because }[];
  steps: {
    attempt: number;
    index: number;
    name: string;
    /** Which of the plan's steps it is. */
    step?: number;
    outcome: string;
    exitCode?: number;
    durationMs: number;
    detail?: string;
    /** The attempt that has carried it out, of which this one goes on. */
    resumedFrom?: number;
    /** Where in the log its output is. */
    log?: { start: number; end: number };
  }[];
  caches: {
    attempt: number;
    key: string;
    result: string;
    matchedKey?: string;
    cacheId?: string;
    files: number;
    bytes: number;
  }[];
  /** Of the latest attempt that had one; `images` are what its containers are of, that of the job first. */
  container?: { attempt: number; start: 'warm' | 'cold'; images: { image: string; id: string; digest?: string }[] };
  log?: { attempt: number; bytes: number; sha256: string; complete: boolean };
  /** The output of this attempt, and of those before it, was pruned. */
  logPruned?: { attempt: number; at: string };
  /** It was asked for by itself. */
  submitted?: true;
  createdAt: string;
  /** When a delayed job is queued by itself. */
  startsAt?: string;
  /** Since when it waits for a runner, or for its resource group. */
  queuedAt?: string;
  /** Where in the log it was queued. */
  queuedPosition?: number;
  startedAt?: string;
  finishedAt?: string;
  updatedPosition: number;
};
