import {
  DownstreamReopened,
  DownstreamRequested,
  DownstreamStopRequested,
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
  PipelineRejected,
  PipelineReopened,
  PipelineStarted,
  jobIdOf,
  type EventsOf,
  type PipelineContext,
  type Plan,
} from '@foldline/contracts';
import { delay, hold, openStages, reopenFollowers, resume, setStatus, settle, unsettle } from './readiness.ts';
import { jobById, type JobState, type PipelineState } from './pipeline.state.ts';

export const PIPELINE_EVENTS = {
  PipelineStarted,
  PipelineRejected,
  PipelineCancelling,
  PipelineReopened,
  PipelineBlocked,
  PipelineDelayed,
  PipelineFinished,
  JobQueued,
  JobHeld,
  JobDelayed,
  JobDue,
  JobPlayed,
  JobWaiting,
  JobAwaitsResource,
  JobLeftResource,
  JobAssigned,
  JobFinishing,
  JobCommitRecorded,
  JobSucceeded,
  JobFailed,
  JobSkipped,
  JobStopRequested,
  JobCancelled,
  JobRetried,
  DownstreamRequested,
  DownstreamStopRequested,
  DownstreamReopened,
};
export type PipelineEvent = EventsOf<typeof PIPELINE_EVENTS>;

export const evolve = (state: PipelineState, event: PipelineEvent): PipelineState => {
  switch (event.type) {
    case 'PipelineStarted':
      return start(state, event.data);
    case 'PipelineRejected':
    case 'PipelineFinished':
      state.phase = 'finished';
      return state;
    case 'PipelineCancelling':
      state.cancelling = true;
      delete state.cancelReason;
      if (event.data.reason) state.cancelReason = event.data.reason;
      return state;
    case 'PipelineReopened':
      state.phase = 'running';
      state.cancelling = false;
      delete state.cancelReason;
      return state;
    case 'PipelineBlocked':
    case 'PipelineDelayed':
      return state;
    default: {
      const job = jobById(state, event.data.jobId);
      if (job) evolveJob(state, job, event);
      return state;
    }
  }
};

export type RetriedBy = Extract<PipelineEvent, { type: 'JobRetried' }>['data']['by'];
type JobEvent = Extract<PipelineEvent, { data: { jobId: string } }>;

const evolveJob = (
  state: PipelineState,
  job: JobState,
  event: Exclude<JobEvent, { type: 'PipelineReopened' }>,
): void => {
  switch (event.type) {
    case 'JobQueued':
      state.ready.delete(job.planned.index);
      setStatus(state, job, 'queued');
      job.attempt = event.data.attempt;
      delete job.waitingCode;
      return;
    case 'JobAwaitsResource':
      state.ready.delete(job.planned.index);
      setStatus(state, job, 'awaiting');
      job.attempt = event.data.attempt;
      return;
    case 'DownstreamRequested':
      state.ready.delete(job.planned.index);
      setStatus(state, job, 'triggered');
      if (!job.planned.interruptible) state.begunToStay = true;
      job.attempt = event.data.attempt;
      job.downstream = { id: event.data.downstreamId, attempt: event.data.attempt };
      return;
    case 'DownstreamReopened':
      delete job.downstream?.superseded;
      unsettle(state, job);
      reopenFollowers(state, job);
      return setStatus(state, job, 'triggered');
    case 'DownstreamStopRequested':
      if (event.data.supersededBy !== undefined && job.downstream) job.downstream.superseded = true;
      return;
    case 'JobLeftResource':
      return;
    case 'JobHeld':
      return hold(state, job);
    case 'JobDelayed':
      return delay(state, job);
    case 'JobPlayed':
    case 'JobDue':
      return resume(state, job);
    case 'JobWaiting':
      job.waitingCode = event.data.code;
      return;
    case 'JobAssigned':
      setStatus(state, job, 'assigned');
      if (!job.planned.interruptible) state.begunToStay = true;
      job.runnerId = event.data.runnerId;
      delete job.epoch;
      if (event.data.epoch !== undefined) job.epoch = event.data.epoch;
      job.commits = new Map();
      delete job.stopReason;
      delete job.stopBecause;
      delete job.finishing;
      return;
    case 'JobStopRequested':
      job.stopReason = event.data.reason;
      if (event.data.because) job.stopBecause = event.data.because;
      return;
    case 'JobCommitRecorded':
      job.commits.set(event.data.commitId, event.data.accepted);
      return;
    case 'JobFinishing':
      setStatus(state, job, 'finishing');
      job.finishing = event.data;
      return;
    case 'JobRetried':
      return retry(state, job, event.data);
    case 'JobFailed':
      job.failure = event.data.reason;
      if (!event.data.final) return;
      job.allowedToFail = event.data.allowed;
      return settle(state, job, 'failed');
    case 'JobSucceeded':
      return settle(state, job, 'success');
    case 'JobSkipped':
      return settle(state, job, 'skipped');
    case 'JobCancelled':
      return settle(state, job, 'cancelled');
  }
};

const retry = (state: PipelineState, job: JobState, { by, resume }: ReturnType<typeof JobRetried>['data']): void => {
  if (resume) job.resume = resume;
  else delete job.resume;
  if (by === 'policy') job.retries.policy += 1;
  if (by === 'runner_lost') job.retries.lost += 1;
  if (by === 'user') {
    job.retries = { policy: 0, lost: 0 };
    unsettle(state, job);
    reopenFollowers(state, job);
  }
  setStatus(state, job, 'created');
};

const start = (state: PipelineState, { context, plan }: { context: PipelineContext; plan: Plan }): PipelineState => {
  const stageIndex = new Map(plan.stages.map((name, index) => [name, index]));
  state.phase = 'running';
  state.context = context;
  state.plan = plan;
  state.stages = plan.stages.map((name) => ({
    name,
    jobs: [],
    unsettled: 0,
    bad: new Set<number>(),
    skipped: new Set<number>(),
  }));
  state.jobs = plan.jobs.map((planned) => ({
    id: jobIdOf(context.pipelineId, planned.index),
    planned,
    stage: stageIndex.get(planned.stage)!,
    status: 'created',
    attempt: 0,
    dependents: [],
    needsOpen: planned.waitsFor === 'stages' ? 0 : planned.waitsFor.length,
    allowedToFail: planned.allowFailure,
    retries: { policy: 0, lost: 0 },
    commits: new Map(),
  }));
  for (const job of state.jobs) {
    const stage = state.stages[job.stage]!;
    stage.jobs.push(job.planned.index);
    stage.unsettled += 1;
    if (job.planned.waitsFor === 'stages') continue;
    for (const need of job.planned.waitsFor) state.jobs[need.job]!.dependents.push(job.planned.index);
    if (job.needsOpen === 0) state.ready.add(job.planned.index);
  }
  state.triggers = plan.jobs.filter(({ trigger }) => trigger).length;
  state.producers = state.stages.flatMap(({ jobs }) => jobs.filter((index) => state.jobs[index]!.planned.artifacts));
  state.open = state.jobs.length;
  openStages(state);
  return state;
};
