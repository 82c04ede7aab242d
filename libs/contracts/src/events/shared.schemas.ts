import { z } from 'zod';
import type { ChildDefinition, PipelineContext, Upstream } from '../pipeline-context.ts';
import type { ImageBuild } from '../service.ts';
import { MOST_LAYERS, treeLayer } from '../layered-manifest.ts';
import type { SubmittedJob } from '../submitted-job.ts';
import type { Plan, PlannedJob } from '../plan.ts';
import type { Problem } from '../problem.ts';

export const count = z.number().int().min(0);
export const digest = z.string().regex(/^[0-9a-f]{64}$/);
export const text = z.string();
/** An attempt that goes on from what earlier ones have kept; with `before` not behind the step of that number. */
export const resume = z.object({ before: count.optional() });
export type Resume = z.infer<typeof resume>;
/** Absent in what early releases recorded, whose caches had an object for each file. */
export const layered = {
  layers: z.array(treeLayer).max(MOST_LAYERS).optional(),
  /** The same for the same files, whenever they were saved. */
  contentDigest: digest.optional(),
};

/** Plans are checked by the planner that makes them; checking them again on every append would cost more than it finds. */
export const plan = z.custom<Plan>((value) => (value as Plan)?.version === 1);
export const plannedJob = z.custom<PlannedJob>((value) => typeof (value as PlannedJob)?.index === 'number');
export const pipelineContext = z.custom<PipelineContext>(
  (value) => typeof (value as PipelineContext)?.pipelineId === 'string',
);

export const project = z.object({ id: text, owner: text, name: text, url: text, defaultBranch: text });
export const gitRef = z.object({ name: text, kind: z.enum(['branch', 'tag', 'commit']), protected: z.boolean() });
export const pipelineSource = z.enum(['api', 'push', 'web', 'schedule', 'parent_pipeline', 'pipeline']);
export const upstream: z.ZodType<Upstream> = z.object({
  pipelineId: text,
  jobId: text,
  attempt: count,
  project: text,
  depth: count,
  budget: count,
});
export const childDefinition: z.ZodType<ChildDefinition> = z.object({
  include: z.array(z.record(text, z.unknown())),
  artifacts: z.record(text, z.array(z.object({ jobId: text, attempt: count }))).optional(),
  file: text,
  line: count,
  column: count,
  root: text.optional(),
});
/** A build as it was asked for; everything that is needed to plan it. */
export const imageBuild: z.ZodType<ImageBuild> = z.object({
  number: count,
  service: z.object({ id: text, number: count, name: text }),
  projectNumber: count,
  gitUrl: text,
  contextPath: text,
  dockerfile: text,
  args: z.record(text, text),
  platform: text,
  network: z.enum(['default', 'none']),
  image: text,
  cacheImage: text,
  registries: z.array(text),
});
export const variables = z.record(text, text);
/** A job that was submitted by itself; everything that is needed to plan it. */
export const submittedJob: z.ZodType<SubmittedJob> = z.object({
  id: text,
  commit: text.optional(),
  branch: text.optional(),
  steps: z.array(
    z.object({
      name: text,
      run: text,
      workingDir: text.optional(),
      env: variables.optional(),
      continueOnError: z.literal(true).optional(),
      resumable: z.literal(false).optional(),
      timeout: count.optional(),
    }),
  ),
  env: variables,
  cacheKeys: z.array(text).optional(),
  image: text.optional(),
  timeout: count,
  priority: count,
  retries: count,
  interruptible: z.literal(true).optional(),
});
/** Absent is what it was in early releases: a variable of every job, handed over as it is. */
export const variableTraits = {
  kind: z.literal('file').optional(),
  expand: z.literal(true).optional(),
  scope: text.optional(),
};
export const sealedVariable = z.object({
  key: text,
  sealed: text,
  protected: z.boolean(),
  masked: z.boolean(),
  ...variableTraits,
});
export const sealedSecret = z.object({ path: text, sealed: text });

const place = z.object({ line: count, column: count });
export const problem: z.ZodType<Problem> = z.object({
  code: text,
  severity: z.enum(['error', 'warning', 'info']),
  message: text,
  file: text,
  line: count,
  column: count,
  hint: text.optional(),
  fix: z.object({ from: place, to: place, text }).optional(),
});

export const failureReason = z.enum([
  'script_failure',
  'out_of_memory',
  'out_of_disk',
  'job_timeout',
  'runner_lost',
  'runner_system_failure',
  'artifact_upload_failure',
  'artifact_download_failure',
  'missing_artifact',
  'invalid_dotenv',
  'config_error',
  'needs_docker',
  'image_not_found',
  'image_access_denied',
  'image_pull_failure',
  'image_unusable',
  'docker_not_allowed',
  'docker_unavailable',
  'dockerfile_missing',
  'image_build_failure',
  'image_push_denied',
  'image_push_failure',
  'registry_unreachable',
  'downstream_refused',
  'downstream_failed',
  'cancelled',
  'preempted',
]);

export const outcome = z.enum(['success', 'failed', 'timed_out', 'cancelled', 'lost']);
export type Outcome = z.infer<typeof outcome>;

/** `dotenv`: files with variables for later jobs. */
export const artifactKind = z.enum(['archive', 'reports', 'dotenv']);
export type ArtifactKind = z.infer<typeof artifactKind>;

export const clusterPower = z.enum(['high-power', 'low-power']);
/** What a runner offers. `slots` is how many jobs it runs at once. */
export const runnerOffer = z.object({
  cluster: z.object({ id: text, power: clusterPower }),
  cpu: z.number().positive(),
  memoryBytes: count,
  diskBytes: count,
  slots: count,
  executors: z.array(text),
  /** What jobs may ask for by name; absent in what early releases offered. */
  tags: z.array(text).optional(),
});
export type RunnerOffer = z.infer<typeof runnerOffer>;
