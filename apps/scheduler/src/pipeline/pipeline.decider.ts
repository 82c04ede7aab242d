import {
  type Because,
  type FailureReason,
  JobAssigned,
  JobCommitRecorded,
  JobDue,
  JobPlayed,
  JobRetried,
  JobStopRequested,
  JobWaiting,
  type Outcome,
  type PipelineContext,
  PipelineRejected,
  PipelineStarted,
  type Plan,
  type Problem,
  type Resume,
  type Upstream,
} from '@foldline/contracts';
import { Decision, type Decider } from '@foldline/kernel';
import { supersede, type Superseding } from './auto-cancel.ts';
import { cancelPipeline } from './cancel.ts';
import { followDownstream, type DownstreamNews } from './follow-downstream.ts';
import { begin, enter, leaveGroups } from './enter.ts';
import { artifactsFor, follow } from './follow.ts';
import { reopen } from './reopen.ts';
import { finishAttempt, finishWhenCommitted, returnJob } from './finish-attempt.ts';
import { evolve, type PipelineEvent } from './pipeline.evolve.ts';
import { currentAttempt, isActive, isSettled, jobById, newPipeline, type PipelineState } from './pipeline.state.ts';

export type AttemptNews = {
  jobId: string;
  attempt: number;
  outcome: Outcome;
  reason?: FailureReason | undefined;
  detail?: string | undefined;
  exitCode?: number | undefined;
  coverage?: number | undefined;
  environmentUrl?: string | undefined;
  commits: string[];
};

export type PipelineCommand =
  | { type: 'StartPipeline'; context: PipelineContext; plan: Plan }
  | { type: 'RejectPipeline'; pipelineId: string; problems: Problem[]; upstream?: Upstream | undefined }
  | {
      type: 'AssignJob';
      jobId: string;
      attempt: number;
      runnerId: string;
      epoch?: string | undefined;
      cluster: { id: string; power: string };
      detail: string;
    }
  | { type: 'ExplainWait'; jobId: string; attempt: number; code: string; detail: string }
  | ({ type: 'FinishAttempt' } & AttemptNews)
  /** The runner was lost before it took the job. */
  | { type: 'ReturnJob'; jobId: string; attempt: number; detail: string }
  /** `attempt` is absent in what early releases recorded. */
  | { type: 'RecordCommit'; jobId: string; attempt?: number | undefined; commitId: string; accepted: boolean }
  | { type: 'PreemptJob'; jobId: string; attempt: number }
  /** `because` is absent when somebody asked for it. */
  | { type: 'CancelPipeline'; pipelineId: string; by: string; because?: Because }
  /** Another one has begun, of a newer commit of the same branch. */
  | ({ type: 'SupersedePipeline' } & Superseding)
  | { type: 'PlayJob'; jobId: string; by: string }
  /** The job has its resource group for itself. */
  | { type: 'GrantResource'; jobId: string; attempt: number; group: string }
  /** The time of a delayed job is over. */
  | { type: 'StartDelayedJob'; jobId: string }
  | { type: 'RetryJob'; jobId: string; by: string; resume?: Resume }
  /** What became of the pipeline that the job has started. */
  | ({ type: 'FollowDownstream' } & DownstreamNews);

/** The rules by which a planned pipeline runs: what is ready, what a result means, what follows from it. */
export const pipelineDecider: Decider<PipelineState, PipelineCommand, PipelineEvent> = {
  initialState: newPipeline,
  evolve,
  decide: (command, state) => {
    const decision = new Decision(state, evolve);
    decideCommand(command, decision);
    leaveGroups(decision);
    return decision.events;
  },
};

type PipelineDecision = Decision<PipelineState, PipelineEvent>;

const decideCommand = (command: PipelineCommand, decision: PipelineDecision): void => {
  const { state } = decision;
  if (command.type === 'StartPipeline') return startPipeline(command, decision);
  if (command.type === 'RejectPipeline') {
    const { pipelineId, problems, upstream } = command;
    if (state.phase === 'new')
      decision.emit(PipelineRejected({ pipelineId, problems, ...(upstream ? { upstream } : {}) }));
    return;
  }
  if (command.type === 'CancelPipeline') return cancelPipeline(command, decision);
  if (command.type === 'SupersedePipeline') return supersede(command, decision);
  if (state.phase === 'new') return;
  switch (command.type) {
    case 'AssignJob':
      return assign(command, decision);
    case 'ExplainWait':
      return explainWait(command, decision);
    case 'FinishAttempt':
      return finishAttempt(command, decision);
    case 'ReturnJob':
      return returnJob(command, decision);
    case 'RecordCommit':
      return recordCommit(command, decision);
    case 'PreemptJob':
      return preempt(command, decision);
    case 'PlayJob':
      return play(command, decision);
    case 'GrantResource':
      return grantResource(command, decision);
    case 'StartDelayedJob':
      return startDelayed(command, decision);
    case 'RetryJob':
      return retry(command, decision);
    case 'FollowDownstream':
      return followDownstream(command, decision);
  }
};

type Of<Type extends PipelineCommand['type']> = Extract<PipelineCommand, { type: Type }>;

const startPipeline = ({ context, plan }: Of<'StartPipeline'>, decision: PipelineDecision): void => {
  if (decision.state.phase !== 'new') return;
  decision.emit(PipelineStarted({ pipelineId: context.pipelineId, context, plan }));
  follow(decision);
};

const assign = (command: Of<'AssignJob'>, decision: PipelineDecision): void => {
  const { state } = decision;
  const job = currentAttempt(state, command.jobId, command.attempt);
  if (job?.status !== 'queued') return;
  decision.emit(
    JobAssigned({
      pipelineId: state.context!.pipelineId,
      jobId: job.id,
      attempt: job.attempt,
      runnerId: command.runnerId,
      ...(command.epoch === undefined ? {} : { epoch: command.epoch }),
      cluster: command.cluster,
      job: job.planned,
      context: state.context!,
      pipelineVariables: state.plan!.variables,
      ...(state.plan!.rawVariables ? { rawPipelineVariables: state.plan!.rawVariables } : {}),
      ...artifactsFor(state, job),
      ...(job.resume && { resume: job.resume }),
      because: { rule: 'cluster', detail: command.detail, jobs: [] },
    }),
  );
};

const explainWait = ({ jobId, attempt, code, detail }: Of<'ExplainWait'>, decision: PipelineDecision): void => {
  const job = currentAttempt(decision.state, jobId, attempt);
  if (job?.status !== 'queued' || job.waitingCode === code) return;
  decision.emit(JobWaiting({ pipelineId: decision.state.context!.pipelineId, jobId, attempt, code, detail }));
};

/** A cache keeps its id from one attempt to the next, so the attempt tells whose commit it is. */
const recordCommit = ({ jobId, attempt, commitId, accepted }: Of<'RecordCommit'>, decision: PipelineDecision): void => {
  const job = attempt === undefined ? jobById(decision.state, jobId) : currentAttempt(decision.state, jobId, attempt);
  if (!job || !isActive(job) || job.commits.has(commitId)) return;
  decision.emit(JobCommitRecorded({ pipelineId: decision.state.context!.pipelineId, jobId, commitId, accepted }));
  finishWhenCommitted(job, decision);
};

const preempt = ({ jobId, attempt }: Of<'PreemptJob'>, decision: PipelineDecision): void => {
  const job = currentAttempt(decision.state, jobId, attempt);
  if (job?.status !== 'assigned' || job.stopReason || !job.planned.interruptible) return;
  const { pipelineId } = decision.state.context!;
  decision.emit(JobStopRequested({ pipelineId, jobId, attempt, runnerId: job.runnerId!, reason: 'preempted' }));
};

const play = ({ jobId, by }: Of<'PlayJob'>, decision: PipelineDecision): void => {
  const { state } = decision;
  const job = jobById(state, jobId);
  if (job?.status !== 'held' && job?.status !== 'delayed') return;
  const { pipelineId } = state.context!;
  reopen(jobId, decision);
  decision.emit(JobPlayed({ pipelineId, jobId, by }));
  const because = { rule: job.planned.when, detail: `${by} started it`, jobs: [] };
  decision.emit(enter(state, job, because));
  follow(decision);
};

const startDelayed = ({ jobId }: Of<'StartDelayedJob'>, decision: PipelineDecision): void => {
  const { state } = decision;
  const job = jobById(state, jobId);
  if (job?.status !== 'delayed') return;
  const { pipelineId } = state.context!;
  decision.emit(JobDue({ pipelineId, jobId }));
  const because = { rule: 'when: delayed', detail: 'the time that it waits is over', jobs: [] };
  decision.emit(enter(state, job, because));
};

const grantResource = ({ jobId, attempt, group }: Of<'GrantResource'>, decision: PipelineDecision): void => {
  const job = currentAttempt(decision.state, jobId, attempt);
  if (job?.status !== 'awaiting') return;
  const because = { rule: 'resource_group', detail: `no other job of the resource group ${group} runs`, jobs: [] };
  decision.emit(begin(decision.state, job, attempt, because));
};

const retry = ({ jobId, by, resume }: Of<'RetryJob'>, decision: PipelineDecision): void => {
  const { state } = decision;
  const job = jobById(state, jobId);
  if (!job || !isSettled(job) || job.status === 'skipped') return;
  if (state.phase === 'running' && state.cancelling) return;
  const { pipelineId } = state.context!;
  reopen(jobId, decision);
  const attempt = job.attempt + 1;
  decision.emit(JobRetried({ pipelineId, jobId, attempt, by: 'user', ...(resume && { resume }) }));
  const because = { rule: 'retry', detail: `${by} asked for another attempt`, jobs: [] };
  decision.emit(enter(state, job, because));
  follow(decision);
};
