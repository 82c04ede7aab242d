import type { IncludedFile } from './included-file.ts';
import type { ContainerOptions, PlannedService } from './planned-container.ts';
import type { PlannedStep } from './planned-step.ts';
import type { Problem } from './problem.ts';
import type { ReadReport } from './reports.ts';

/**
 * The one intermediate form. Every entry point compiles into it, and everything after planning knows only this.
 * It is plain JSON, it is stored in `PipelinePlanned`, and it is versioned: readers refuse a version they do not know.
 */
export type Plan = {
  version: 1;
  /** The definition file that was compiled, relative to the repository's root. */
  file: string;
  stages: string[];
  /** What the file calls the pipeline; without variables of the project. */
  name?: string;
  /** Variables of the whole pipeline as the file declares them; later sources win (see `PipelineContext`). */
  variables: Record<string, string>;
  /** Names of those whose values are taken as they are, whatever `$` they hold (`expand: false`). */
  rawVariables?: string[];
  jobs: PlannedJob[];
  /** When the pipeline is cancelled by itself; never without it. */
  autoCancel?: AutoCancel;
  /** What the definition takes over that is not of its commit, as it was when the pipeline was planned. */
  included?: IncludedFile[];
  warnings: Problem[];
  /** Why each job of the file is, or is not, in this plan. */
  decisions: PlanDecision[];
};

export type AutoCancel = {
  /**
   * What a newer commit of the branch does to it: cancel all of it unless a job has begun that is not interruptible,
   * cancel its interruptible jobs, or nothing.
   */
  onNewCommit: 'conservative' | 'interruptible' | 'none';
  /** Whether it goes on when a job has failed that may not. */
  onJobFailure: 'all' | 'none';
};

/** The rule that put a job into the plan or kept it out, with the values that decided. */
export type PlanDecision = {
  /** The job's key in the file; one decision covers all its copies (matrix, parallel). */
  definition: string;
  /** The copy that is meant, where copies were decided about one by one. */
  copy?: string;
  created: boolean;
  /** For example `only: refs`, `default`, `except: tags`. */
  rule: string;
  /** One sentence for people: "only: [main] does not match branch develop". */
  because: string;
};

export type When = 'on_success' | 'on_failure' | 'always' | 'manual' | 'delayed';
export type ClusterPower = 'high-power' | 'low-power';

export type PlannedJob = {
  /** Position in `Plan.jobs`, never reused; the job's id is `<pipelineId>.<index>`. */
  index: number;
  /** Unique in the plan: `test`, `test: [16, ubuntu]`, `test 2/5`. */
  name: string;
  /** The key in the file that this job is a copy of. */
  definition: string;
  stage: string;
  /** `stages`: waits for every job of the earlier stages. Otherwise waits for exactly these jobs. */
  waitsFor: 'stages' | Need[];
  /** Jobs whose artifacts are put into the workspace. `earlier-stages` is the default of a job without `dependencies`. */
  artifactsFrom: 'earlier-stages' | number[];
  /** Attempts of jobs of other pipelines whose artifacts are put there, too. */
  artifactsOf?: KeptAttempt[];
  when: When;
  /** How long a `delayed` job waits once it could start. */
  startInSeconds?: number;
  /** What a person is to confirm before starting a `manual` job. */
  manualConfirmation?: string;
  allowFailure: boolean;
  /** With these exit codes a failure is allowed, whatever `allowFailure` says. */
  allowFailureExitCodes?: number[];
  runner: RunnerRequirements;
  /** The image of the container in which the job runs, and of those beside it; then `runner.executor` says so. */
  image?: string;
  imageOptions?: ContainerOptions;
  /** One of which nothing but the image is said is just that (`serviceOf`). */
  services: (string | PlannedService)[];
  /** The job's own variables, matrix values included; they win over the pipeline's. */
  variables: Record<string, string>;
  /** Names of the job's own variables whose values are taken as they are; it says nothing of the pipeline's. */
  rawVariables?: string[];
  /** Names of the pipeline's variables that the job takes over; without it all of them. */
  inheritedVariables?: string[];
  matrix?: Record<string, string>;
  /**
   * Position among the copies made by `parallel` or a matrix. `index` counts from 0 (seed S0-52); the job is told it from
   * `first` on, which is 0 unless a definition of GitLab says otherwise (C11).
   */
  node?: { index: number; total: number; first?: 1 };
  /** Vault paths by the variable that receives the value (S0-29). */
  secrets: Record<string, { vault: string }>;
  steps: PlannedStep[];
  /** Commands before the commit is in the workspace. */
  hooks?: { preGetSources: string[] };
  /** Another pipeline that the job starts; then it has no steps and no runner. */
  trigger?: PlannedTrigger;
  artifacts?: ArtifactSpec;
  cache: CacheSpec[];
  /** RE2 source of the coverage pattern; its first group is the percentage (S0-23). */
  coverage?: string;
  /** Tried again for one of the reasons, or when the script ends with one of the exit codes. */
  retry: { max: number; when: RetryReason[]; exitCodes?: number[] };
  timeoutSeconds: number;
  /** A running job may be stopped and queued again for one of higher priority (S0-16, C13). */
  interruptible: boolean;
  /** 0…10, higher first (C19). */
  priority: number;
  environment?: PlannedEnvironment;
  /** Of the jobs of a project with the same group, one runs at a time. */
  resourceGroup?: string;
  /** What the file asks for and Foldline does not do yet. */
  plannedOnly?: PlannedOnly[];
};

/** Without an action a job starts the environment; without a tier its name tells. */
export type PlannedEnvironment = {
  name: string;
  url?: string;
  /** Anything but `start`, which is the default, uses the environment and deploys nothing. */
  action?: 'start' | 'prepare' | 'stop' | 'verify' | 'access';
  tier?: string;
};

export type PlannedOnly = {
  /** As a path: `image.entrypoint`. */
  keyword: string;
  /** What the file says. */
  value: unknown;
  why: string;
  /** The job fails instead of running without it. */
  stops?: true;
};

export type PlannedTrigger = {
  of: ChildPipeline | ProjectPipeline;
  /** The job waits for the end of the other pipeline: it ends well or not (`depend`), or just as that (`mirror`). */
  strategy?: 'depend' | 'mirror';
  /** Which variables go with it: those of the file and the job, and those of the request. */
  forward: { yamlVariables: boolean; pipelineVariables: boolean };
  /** What the other definition asks for in its `spec: inputs`. */
  inputs?: Record<string, unknown>;
};

/** A pipeline of the same commit whose definition is put together from these, each in the form of `include`. */
export type ChildPipeline = {
  kind: 'child';
  include: Record<string, unknown>[];
  /** Jobs of this plan with files among those, by the name under which they are included. */
  artifactsFrom?: Record<string, number[]>;
  /** Where the definition says so; `file` where that is one that it includes. */
  line: number;
  column: number;
  file?: string;
};

/** A pipeline of another project, `owner/name`; without a branch of its default branch. */
export type ProjectPipeline = { kind: 'project'; project: string; branch?: string };

export type KeptAttempt = { jobId: string; attempt: number };

export type Need = { job: number; artifacts: boolean };

export type RunnerRequirements = {
  cluster?: ClusterPower;
  cpu?: number;
  memoryBytes?: number;
  diskBytes?: number;
  /** Labels, all of which the runner must have. */
  tags?: string[];
  /** The runner must have a Docker daemon. */
  executor?: 'docker';
};

/** Paths are globs relative to the workspace; `name` may hold `${VARIABLES}`. */
export type ArtifactSpec = {
  name?: string;
  paths: string[];
  exclude: string[];
  expireInSeconds?: number;
  /** `expire_in: never`: kept until a person deletes them; without either, the project's retention decides. */
  neverExpires?: true;
  when: 'on_success' | 'on_failure' | 'always';
  reports: string[];
  /** Those of `reports` that the runner reads, by what they are. */
  readReports?: Partial<Record<ReadReport, string[]>>;
  /** Paths of files with variables that later jobs get together with these artifacts; never part of `reports`. */
  dotenv?: string[];
};

export type CacheSpec = {
  /** Text with `${VARIABLES}`, or the files whose content makes the key (S0-39). */
  key: { text: string } | { files: string[]; prefix?: string };
  paths: string[];
  policy: 'pull' | 'push' | 'pull-push';
  /** Tried in order on a miss; one that ends in `-` also matches the newest key it begins (C15). */
  fallbackKeys: string[];
  /** Each is a whole key, whatever it ends in (as in GitLab). */
  exactFallbackKeys?: true;
  when: 'on_success' | 'on_failure' | 'always';
  /**
   * What made the files and will use them: its version and the platform begin the key and the fallback keys, because they
   * fit no other. Where they lie is known of the tool, so nobody need be told of a path that has none.
   */
  tool?: CacheTool;
};

export type CacheTool = 'node' | 'python' | 'go' | 'rust' | 'java' | 'ruby' | 'php';

/** Why an attempt did not succeed. `retry.when` names these; `always` means any of them. */
export type FailureReason =
  | 'script_failure'
  | 'out_of_memory'
  | 'out_of_disk'
  | 'job_timeout'
  | 'runner_lost'
  | 'runner_system_failure'
  | 'artifact_upload_failure'
  | 'artifact_download_failure'
  | 'missing_artifact'
  | 'invalid_dotenv'
  | 'config_error'
  | 'needs_docker'
  | 'image_not_found'
  | 'image_access_denied'
  | 'image_pull_failure'
  | 'image_unusable'
  | 'docker_not_allowed'
  | 'docker_unavailable'
  | 'dockerfile_missing'
  | 'image_build_failure'
  | 'image_push_denied'
  | 'image_push_failure'
  | 'registry_unreachable'
  | 'downstream_refused'
  | 'downstream_failed'
  | 'cancelled'
  | 'preempted';
export type RetryReason = FailureReason | 'always';
