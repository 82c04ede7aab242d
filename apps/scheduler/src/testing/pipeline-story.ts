import { expect } from '@jest/globals';
import {
  JobAssigned,
  JobAwaitsResource,
  JobCancelled,
  JobCommitRecorded,
  JobDelayed,
  JobDue,
  JobFailed,
  JobFinishing,
  JobHeld,
  JobLeftResource,
  JobPlayed,
  JobQueued,
  JobRetried,
  JobSkipped,
  JobStopRequested,
  JobSucceeded,
  JobWaiting,
  PipelineBlocked,
  PipelineCancelling,
  PipelineDelayed,
  PipelineFinished,
  PipelineReopened,
  PipelineStarted,
  jobIdOf,
  type FailureReason,
  type PipelineResult,
  type Plan,
} from '@foldline/contracts';
import { givenWhenThen } from '@foldline/testing';
import { pipelineDecider, type AttemptNews, type PipelineCommand } from '../pipeline/pipeline.decider.ts';
import type { DownstreamNews } from '../pipeline/follow-downstream.ts';
import type { PipelineEvent, RetriedBy } from '../pipeline/pipeline.evolve.ts';
import { pipelineContext } from './plan-builder.ts';

const pipelineId = 'p1';
const RUNNER = 'runner-1';
const CLUSTER = { id: 'local', power: 'low-power' };
const detail = 'it was free';
const someReason = (): never => expect.objectContaining({ rule: expect.any(String) }) as never;

type News = Partial<Omit<AttemptNews, 'jobId' | 'attempt'>> & { attempt?: number };

/** Commands and events of one pipeline in the words of its plan: jobs go by their names, attempts are the first. */
export const story = (plan: Plan) => {
  const context = pipelineContext(pipelineId);
  const planned = new Map(plan.jobs.map((job) => [job.name, job]));
  const id = (name: string): string => jobIdOf(pipelineId, planned.get(name)!.index);
  const about = (name: string) => ({ pipelineId, jobId: id(name) });
  const groupOf = (name: string) => ({ projectId: context.project.id, group: planned.get(name)!.resourceGroup! });

  const commands = {
    start: (): PipelineCommand => ({ type: 'StartPipeline', context, plan }),
    assign: (name: string, attempt = 1): PipelineCommand => ({
      type: 'AssignJob',
      jobId: id(name),
      attempt,
      runnerId: RUNNER,
      cluster: CLUSTER,
      detail,
    }),
    finish: (name: string, { attempt = 1, ...news }: News = {}): PipelineCommand => ({
      type: 'FinishAttempt',
      outcome: 'success',
      commits: [],
      ...news,
      jobId: id(name),
      attempt,
    }),
    commit: (name: string, commitId: string, accepted = true, attempt?: number): PipelineCommand => ({
      type: 'RecordCommit',
      jobId: id(name),
      attempt,
      commitId,
      accepted,
    }),
    supersede: (): PipelineCommand => ({ type: 'SupersedePipeline', pipelineId, by: 'p2' }),
    supersedeFromAbove: (): PipelineCommand => ({ type: 'SupersedePipeline', pipelineId, by: 'p2', fromAbove: true }),
    cancel: (): PipelineCommand => ({ type: 'CancelPipeline', pipelineId, by: 'ada' }),
    play: (name: string): PipelineCommand => ({ type: 'PlayJob', jobId: id(name), by: 'ada' }),
    grant: (name: string, attempt = 1): PipelineCommand => ({
      type: 'GrantResource',
      jobId: id(name),
      attempt,
      group: planned.get(name)!.resourceGroup!,
    }),
    due: (name: string): PipelineCommand => ({ type: 'StartDelayedJob', jobId: id(name) }),
    retry: (name: string): PipelineCommand => ({ type: 'RetryJob', jobId: id(name), by: 'ada' }),
    giveBack: (name: string, attempt = 1): PipelineCommand => ({ type: 'ReturnJob', jobId: id(name), attempt, detail }),
    preempt: (name: string, attempt = 1): PipelineCommand => ({ type: 'PreemptJob', jobId: id(name), attempt }),
    follow: (name: string, became: DownstreamNews['became'], attempt = 1): PipelineCommand => ({
      type: 'FollowDownstream',
      jobId: id(name),
      attempt,
      became,
    }),
    explain: (name: string, code: string, attempt = 1): PipelineCommand => ({
      type: 'ExplainWait',
      jobId: id(name),
      attempt,
      code,
      detail: code,
    }),
  };

  /** The job takes a runner and ends. */
  const run = (name: string, news: News = {}): PipelineCommand[] => [
    commands.assign(name, news.attempt),
    commands.finish(name, news),
  ];
  const fails = (name: string, news: News = {}): PipelineCommand[] =>
    run(name, { outcome: 'failed', reason: 'script_failure', ...news });

  const events = {
    started: () => PipelineStarted({ pipelineId, context, plan }),
    queued: (name: string, attempt = 1) =>
      JobQueued({ ...about(name), attempt, priority: planned.get(name)!.priority, because: someReason() }),
    held: (name: string) => JobHeld({ ...about(name), because: someReason() }),
    delayed: (name: string) =>
      JobDelayed({ ...about(name), seconds: planned.get(name)!.startInSeconds!, because: someReason() }),
    awaits: (name: string, attempt = 1) =>
      JobAwaitsResource({ ...about(name), attempt, ...groupOf(name), because: someReason() }),
    left: (name: string, attempt = 1) => JobLeftResource({ ...about(name), attempt, ...groupOf(name) }),
    isDue: (name: string) => JobDue(about(name)),
    played: (name: string) => JobPlayed({ ...about(name), by: 'ada' }),
    skipped: (name: string) => JobSkipped({ ...about(name), because: someReason() }),
    assigned: (name: string, artifactsFrom: readonly string[] = [], attempt = 1, artifactAttempt = 1) =>
      JobAssigned({
        ...about(name),
        attempt,
        runnerId: RUNNER,
        cluster: CLUSTER,
        job: planned.get(name)!,
        context,
        pipelineVariables: plan.variables,
        artifactJobs: artifactsFrom.map(id),
        artifactAttempts: Object.fromEntries(artifactsFrom.map((source) => [id(source), artifactAttempt])),
        because: { rule: 'cluster', detail, jobs: [] },
      }),
    finishing: (
      name: string,
      awaiting: string[],
      more: { outcome?: AttemptNews['outcome']; reason?: FailureReason } = {},
    ) => JobFinishing({ ...about(name), attempt: 1, outcome: 'success', ...more, awaiting }),
    committed: (name: string, commitId: string, accepted = true) =>
      JobCommitRecorded({ ...about(name), commitId, accepted }),
    waiting: (name: string, code: string, attempt = 1) => JobWaiting({ ...about(name), attempt, code, detail: code }),
    succeeded: (name: string, attempt = 1) => JobSucceeded({ ...about(name), attempt }),
    failed: (name: string, { attempt = 1, reason = 'script_failure' as FailureReason, final = true } = {}) =>
      JobFailed({ ...about(name), attempt, reason, allowed: planned.get(name)!.allowFailure, final }),
    retried: (name: string, by: RetriedBy, attempt = 2) => JobRetried({ ...about(name), attempt, by }),
    stopRequested: (name: string, reason: 'cancelled' | 'preempted' = 'cancelled', attempt = 1) =>
      JobStopRequested({ ...about(name), attempt, runnerId: RUNNER, reason }),
    cancelled: (name: string, attempt = 1) => JobCancelled({ ...about(name), attempt }),
    cancelling: () => PipelineCancelling({ pipelineId, by: 'ada' }),
    blocked: (...names: string[]) => PipelineBlocked({ pipelineId, jobs: names.map(id) }),
    pipelineDelayed: (...names: string[]) => PipelineDelayed({ pipelineId, jobs: names.map(id) }),
    reopened: (name: string) => PipelineReopened({ pipelineId, jobId: id(name) }),
    finished: (status: PipelineResult, warnings?: number) =>
      PipelineFinished({ pipelineId, status, ...(warnings ? { warnings } : {}), context }),
  };

  /** Everything that these commands, one after the other, came to since the start. */
  const after = (...given: readonly (PipelineCommand | PipelineCommand[])[]) =>
    givenWhenThen(pipelineDecider)(...historyOf([commands.start(), ...given.flat()]));

  return { ...commands, ...events, run, fails, after, id, context, plan };
};

export const historyOf = (commands: readonly PipelineCommand[]): PipelineEvent[] => {
  const state = pipelineDecider.initialState();
  return commands.flatMap((command) => pipelineDecider.decide(structuredClone(command), state));
};
