import type { TreeLayer } from './layered-manifest.ts';
import type { Because } from './events/pipeline.events.ts';
import type { ProcessMode } from './events/group.events.ts';
import type { ArtifactKind, RunnerOffer } from './events/shared.schemas.ts';
import type { PruneReason } from './events/storage.events.ts';
import type { PipelineSource, SealedVariable, Upstream } from './pipeline-context.ts';
import type { AutoCancel, PlanDecision } from './plan.ts';
import type { IncludedFile } from './included-file.ts';
import type { Problem } from './problem.ts';

/**
 * The documents that the log is folded into, by collection. Times are RFC 3339, positions are places in the log.
 * Status words are those of C02; a pipeline or job ends as success, failed, cancelled, timed_out or skipped.
 */
export const COLLECTION = {
  projects: 'projects',
  pipelines: 'pipelines',
  jobs: 'jobs',
  artifacts: 'artifacts',
  caches: 'caches',
  snapshots: 'snapshots',
  prunings: 'prunings',
  environments: 'environments',
  deployments: 'deployments',
  subscriptions: 'subscriptions',
  notifications: 'notifications',
  runners: 'runners',
  deliveries: 'deliveries',
  resourceGroups: 'resourceGroups',
  services: 'services',
  builds: 'builds',
  submittedJobs: 'submittedJobs',
  serviceDeployments: 'serviceDeployments',
  metrics: 'metrics',
  alertWatches: 'alertWatches',
  alerts: 'alerts',
  commitTests: 'commitTests',
  flakyTests: 'flakyTests',
  scans: 'scans',
} as const;

export type PipelineStatus =
  | 'created'
  | 'running'
  | 'cancelling'
  | 'manual'
  | 'delayed'
  | 'success'
  | 'failed'
  | 'cancelled'
  | 'timed_out'
  | 'skipped';

export type ProjectDoc = {
  id: string;
  owner: string;
  name: string;
  url: string;
  defaultBranch: string;
  registeredAt: string;
  position: number;
  variables: (SealedVariable & { hidden?: true; description?: string })[];
  secrets: { path: string; sealed: string }[];
  /** Projects, each as `owner/name`, that may start pipelines of this one and include its files. */
  callers?: string[];
  /** What the build API calls it by, once it has a service. */
  number?: number;
};

export type PipelineDoc = {
  id: string;
  projectId: string;
  owner: string;
  project: string;
  status: PipelineStatus;
  /** What its definition calls it. */
  name?: string;
  ref: string;
  refKind: string;
  /** The project is judged by it: it is of the default branch, and no submitted job. */
  isOfMainline?: true;
  /** Empty until the commit is known. */
  sha: string;
  message: string;
  source: PipelineSource;
  requestedBy: string;
  variables: Record<string, string>;
  problems: Problem[];
  decisions: PlanDecision[];
  /** What its definition has taken over that is not of its commit. */
  included?: IncludedFile[];
  stages: string[];
  jobCount: number;
  autoCancel?: AutoCancel;
  /** The job that asked for it. */
  upstream?: Pick<Upstream, 'pipelineId' | 'jobId' | 'project'>;
  /** Of a success: jobs that did not end well and might. */
  warnings?: number;
  /** Why it was cancelled by itself. */
  because?: Because;
  createdAt: string;
  startedAt?: string;
  finishedAt?: string;
  /** How it ended by itself the time before, or that it was cancelled, when jobs of it were run again after its end. */
  endedBefore?: PipelineStatus;
  /** Place of the request in the log: orders lists. */
  position: number;
  /** Last event of its own stream that this shows. */
  updatedPosition: number;
};

export type ArtifactDoc = {
  id: string;
  pipelineId: string;
  projectId: string;
  jobId: string;
  attempt: number;
  name: string;
  kind: ArtifactKind;
  manifestDigest: string;
  files: number;
  bytes: number;
  status: 'available' | 'refused' | 'expired';
  because?: string;
  committedAt: string;
  expiresAt?: string;
};

export type CacheDoc = {
  id: string;
  projectId: string;
  scope: 'protected' | 'unprotected';
  key: string;
  manifestDigest: string;
  files: number;
  bytes: number;
  /** Of caches that are images; early releases kept an object for each file. */
  layers?: TreeLayer[];
  contentDigest?: string;
  jobId: string;
  committedAt: string;
  /** When a job has restored or saved it last. */
  lastUsedAt: string;
};

/** What the steps of an attempt up to one have made of its workspace. */
export type SnapshotDoc = {
  /** `<attempt id>/<step>` */
  id: string;
  projectId: string;
  pipelineId: string;
  jobId: string;
  attempt: number;
  step: number;
  trees: { cache: number; manifestDigest: string; layers: TreeLayer[] }[];
  manifestDigest?: string;
  layers?: TreeLayer[];
  contentDigest?: string;
  files: number;
  bytes: number;
  takenAt: string;
  /** Nobody goes on from it any more. */
  prunedAt?: string;
};
/** What was pruned and whose bytes are still there. */
export type PruningDoc = { id: string; bytes: number; prunedAt: string; position: number; because: PruneReason } & (
  | ({ kind: 'cache'; cacheId: string } & Pick<CacheDoc, 'projectId' | 'key' | 'manifestDigest' | 'layers'>)
  | ({ kind: 'snapshot' } & Pick<
      SnapshotDoc,
      'projectId' | 'jobId' | 'attempt' | 'step' | 'trees' | 'manifestDigest' | 'layers'
    >)
  | { kind: 'log'; attemptId: string; jobId: string }
);

export type EnvironmentDoc = {
  id: string;
  projectId: string;
  name: string;
  current?: { deploymentId: string; sha: string; ref: string; url?: string; at: string };
  /** Since when no deployment to it has succeeded, after one had failed. */
  failingSince?: string;
};

export type DeploymentDoc = {
  id: string;
  environmentId: string;
  projectId: string;
  environment: string;
  pipelineId: string;
  jobId: string;
  sha: string;
  ref: string;
  url?: string;
  status: 'deploying' | 'success' | 'failed';
  because?: string;
  startedAt: string;
  finishedAt?: string;
};

export type SubscriptionDoc = {
  id: string;
  projectId: string;
  kind: 'slack' | 'webhook';
  host: string;
  on: string[];
  createdAt: string;
  /** Of the wish in the log: what ends after it is told. */
  position: number;
};

export type NotificationDoc = {
  id: string;
  subscriptionId: string;
  projectId: string;
  /** Absent of what is no pipeline's doing. */
  pipelineId?: string;
  status: 'pending' | 'delivered' | 'abandoned';
  because?: string;
  requestedAt: string;
  attempts: { attempt: number; at: string; status?: number; error?: string; durationMs: number }[];
};

export type RunnerDoc = {
  id: string;
  epoch: string;
  offer: RunnerOffer;
  status: 'online' | 'draining' | 'stopped' | 'lost';
  since: string;
};

export type ResourceGroupDoc = {
  id: string;
  projectId: string;
  name: string;
  processMode: ProcessMode;
  holder?: { pipelineId: string; jobId: string; since: string };
};

export type DeliveryDoc = {
  id: string;
  forge: string;
  event: string;
  outcome: string;
  because: string;
  pipelineIds: string[];
  builds?: number[];
  receivedAt: string;
};
