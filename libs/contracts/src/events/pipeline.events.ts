import { z } from 'zod';
import { defineEvent } from '../event.ts';
import {
  childDefinition,
  count,
  failureReason,
  gitRef,
  outcome,
  pipelineContext,
  plan,
  plannedJob,
  problem,
  project,
  resume,
  text,
  upstream,
  variables,
} from './shared.schemas.ts';

const job = { pipelineId: text, jobId: text };
const attempt = { ...job, attempt: z.number().int().min(1) };

export const PipelineStarted = defineEvent(
  'PipelineStarted',
  1,
  z.object({ pipelineId: text, context: pipelineContext, plan }),
);

/** The pipeline ends before it began: its definition was refused. */
export const PipelineRejected = defineEvent(
  'PipelineRejected',
  1,
  z.object({ pipelineId: text, problems: z.array(problem).min(1), upstream: upstream.optional() }),
);

/** The rule that let a job become ready, in words, with the jobs that decided it. */
const because = z.object({ rule: text, detail: text, jobs: z.array(text) });
export type Because = z.infer<typeof because>;

/** The job may run as soon as a runner is free that fits. */
export const JobQueued = defineEvent('JobQueued', 1, z.object({ ...attempt, priority: count, because }));

/**
 * The job starts another pipeline. Carries all that who makes it may know: of a child pipeline its definition and its
 * commit, of another project's the name of the project.
 */
export const DownstreamRequested = defineEvent(
  'DownstreamRequested',
  1,
  z.object({
    ...attempt,
    /** The id of the pipeline that there will be. */
    downstreamId: text,
    /** The project that asks. */
    project,
    of: z.discriminatedUnion('kind', [
      z.object({
        kind: z.literal('child'),
        definition: childDefinition,
        ref: gitRef,
        sha: text,
        before: text.optional(),
      }),
      z.object({ kind: z.literal('project'), project: text, branch: text.optional() }),
    ]),
    variables,
    inputs: z.record(text, z.unknown()).optional(),
    upstream,
    because,
  }),
);

/**
 * What the job started is to end as well; where a newer pipeline has made the one above redundant, it decides by itself
 * what that means for it.
 */
export const DownstreamStopRequested = defineEvent(
  'DownstreamStopRequested',
  1,
  z.object({ ...attempt, downstreamId: text, supersededBy: text.optional() }),
);

/** What the job started had ended and goes on; the job is undecided again. */
export const DownstreamReopened = defineEvent('DownstreamReopened', 1, z.object(attempt));

/** The attempt may run as soon as no other job of its resource group does; `JobQueued` follows. */
export const JobAwaitsResource = defineEvent(
  'JobAwaitsResource',
  1,
  z.object({ ...attempt, projectId: text, group: text, because }),
);

/** The job has ended or waits for a person: others of its resource group may run. */
export const JobLeftResource = defineEvent(
  'JobLeftResource',
  1,
  z.object({ ...job, attempt: count, projectId: text, group: text }),
);

/** The job's turn has come, and a person must start it. */
export const JobHeld = defineEvent('JobHeld', 1, z.object({ ...job, because }));

/** The job's turn has come; it is queued when the time is over, or when a person starts it before. */
export const JobDelayed = defineEvent('JobDelayed', 1, z.object({ ...job, seconds: count, because }));

/** The time that a delayed job waits is over; `JobQueued` follows. */
export const JobDue = defineEvent('JobDue', 1, z.object(job));

export const JobPlayed = defineEvent('JobPlayed', 1, z.object({ ...job, by: text }));

/** A queued job cannot be assigned for a reason that waiting alone does not cure. */
export const JobWaiting = defineEvent('JobWaiting', 1, z.object({ ...attempt, code: text, detail: text }));

/** The job is given to one runner. Carries all that the runner may know: it reads nothing else. */
export const JobAssigned = defineEvent(
  'JobAssigned',
  1,
  z.object({
    ...attempt,
    runnerId: text,
    /** The runner's lease that it is given under; absent in the events of early releases. */
    epoch: text.optional(),
    cluster: z.object({ id: text, power: text }),
    job: plannedJob,
    context: pipelineContext,
    pipelineVariables: z.record(text, text),
    /** Names of those that are taken as they are. */
    rawPipelineVariables: z.array(text).optional(),
    /** Jobs whose artifacts are put into the workspace, in plan order. */
    artifactJobs: z.array(text),
    /** The attempt of each of them whose artifacts count; absent in the events of early releases. */
    artifactAttempts: z.record(text, count).optional(),
    resume: resume.optional(),
    because,
  }),
);

/** The attempt has ended; what it uploaded is still being committed. */
export const JobFinishing = defineEvent(
  'JobFinishing',
  1,
  z.object({
    ...attempt,
    outcome,
    reason: failureReason.optional(),
    detail: text.optional(),
    exitCode: z.number().optional(),
    coverage: z.number().optional(),
    environmentUrl: text.optional(),
    awaiting: z.array(text),
  }),
);

/** An artifact or cache of a job is complete and visible. */
export const JobCommitRecorded = defineEvent(
  'JobCommitRecorded',
  1,
  z.object({ ...job, commitId: text, accepted: z.boolean() }),
);

export const JobSucceeded = defineEvent(
  'JobSucceeded',
  1,
  z.object({
    ...attempt,
    exitCode: z.number().optional(),
    coverage: z.number().optional(),
    /** Where what it deployed is found, when only the job itself could tell. */
    environmentUrl: text.optional(),
  }),
);

/** `final: false` means that another attempt follows. */
export const JobFailed = defineEvent(
  'JobFailed',
  1,
  z.object({
    ...attempt,
    reason: failureReason,
    detail: text.optional(),
    exitCode: z.number().optional(),
    allowed: z.boolean(),
    final: z.boolean(),
  }),
);

export const JobSkipped = defineEvent('JobSkipped', 1, z.object({ ...job, because }));

/** Tells the runner to stop the attempt. */
export const JobStopRequested = defineEvent(
  'JobStopRequested',
  1,
  z.object({ ...attempt, runnerId: text, reason: z.enum(['cancelled', 'preempted']), because: because.optional() }),
);

/** `because` is absent when it ends with its pipeline. */
export const JobCancelled = defineEvent(
  'JobCancelled',
  1,
  z.object({ ...job, attempt: count, because: because.optional() }),
);

/** A new attempt is wanted; `JobQueued` follows. `not_started`: the runner was lost before it took the job. */
export const JobRetried = defineEvent(
  'JobRetried',
  1,
  z.object({
    ...attempt,
    by: z.enum(['policy', 'user', 'runner_lost', 'preempted', 'not_started']),
    resume: resume.optional(),
  }),
);

/** Of a pipeline that is cancelled by itself: a job failed, or a newer commit of the branch has a pipeline. */
const cancelReason = z.enum(['job_failed', 'superseded']);
export type CancelReason = z.infer<typeof cancelReason>;

/** `reason` and `because` are absent when a person asked for it. */
export const PipelineCancelling = defineEvent(
  'PipelineCancelling',
  1,
  z.object({ pipelineId: text, by: text, reason: cancelReason.optional(), because: because.optional() }),
);

/** A finished pipeline goes on because a person retried or played one of its jobs. */
export const PipelineReopened = defineEvent(
  'PipelineReopened',
  1,
  z.object({ pipelineId: text, jobId: text, upstream: upstream.optional() }),
);

/** Everything that can go on without a person has; a manual job that later ones depend on must be started. */
export const PipelineBlocked = defineEvent('PipelineBlocked', 1, z.object({ pipelineId: text, jobs: z.array(text) }));

/** Nothing goes on before the time of delayed jobs is over. */
export const PipelineDelayed = defineEvent('PipelineDelayed', 1, z.object({ pipelineId: text, jobs: z.array(text) }));

export const PIPELINE_RESULTS = ['success', 'failed', 'cancelled', 'timed_out', 'skipped'] as const;
export type PipelineResult = (typeof PIPELINE_RESULTS)[number];
export const PipelineFinished = defineEvent(
  'PipelineFinished',
  1,
  z.object({
    pipelineId: text,
    status: z.enum(PIPELINE_RESULTS),
    /** Of a success: jobs that did not end well and might; absent when there are none, and in events of early releases. */
    warnings: count.optional(),
    context: pipelineContext,
  }),
);
