import {
  JobCancelled,
  JobDelayed,
  JobHeld,
  JobSkipped,
  PipelineBlocked,
  PipelineDelayed,
  PipelineFinished,
  type Because,
  type PipelineResult,
} from '@foldline/contracts';
import type { Decision } from '@foldline/kernel';
import type { PipelineEvent } from './pipeline.evolve.ts';
import { enter } from './enter.ts';
import { isBad, type JobState, type PipelineState } from './pipeline.state.ts';

const NAMED_JOBS = 10;

/**
 * Decides about every job that became ready, about those that this makes ready, and then about the pipeline. Asked
 * only when something has just ended or begun, so a pipeline that nothing moves any more has just come to a halt.
 */
export const follow = (decision: Decision<PipelineState, PipelineEvent>): void => {
  const { state } = decision;
  for (const index of state.ready) decision.emit(decideReady(state, state.jobs[index]!));
  if (state.phase !== 'running') return;
  const { pipelineId } = state.context!;
  if (state.open === 0) {
    const status = resultOf(state);
    const { warned } = state.tally;
    const warnings = status === 'success' && warned > 0 ? { warnings: warned } : {};
    decision.emit(PipelineFinished({ pipelineId, status, ...warnings, context: state.context! }));
  } else if (state.moving === 0 && state.delayed.size > 0) {
    decision.emit(PipelineDelayed({ pipelineId, jobs: someOf(state, state.delayed) }));
  } else if (state.moving === 0 && state.blocking.size > 0) {
    decision.emit(PipelineBlocked({ pipelineId, jobs: someOf(state, state.blocking) }));
  }
};

const someOf = ({ jobs }: PipelineState, indexes: ReadonlySet<number>): string[] =>
  [...indexes].slice(0, NAMED_JOBS).map((index) => jobs[index]!.id);

/**
 * A pipeline that was cancelled is cancelled whatever its jobs did, but for one that was because a job failed. One that
 * only timed out says so, and one of which nothing ran.
 */
export const resultOf = ({ cancelling, cancelReason, tally }: PipelineState): PipelineResult => {
  if (cancelling && cancelReason !== 'job_failed') return 'cancelled';
  if (tally.failed > 0) return 'failed';
  if (tally.timedOut > 0) return 'timed_out';
  if (tally.cancelled > 0) return 'cancelled';
  return tally.success + tally.warned > 0 ? 'success' : 'skipped';
};

const decideReady = (state: PipelineState, job: JobState): PipelineEvent => {
  const about = { pipelineId: state.context!.pipelineId, jobId: job.id };
  const skip = (rule: string, detail: string, jobs: string[] = []): PipelineEvent =>
    JobSkipped({ ...about, because: reason(rule, detail, jobs) });
  if (state.cancelling) return JobCancelled({ ...about, attempt: job.attempt });
  const { when, startInSeconds: seconds = 0 } = job.planned;
  const rule = `when: ${when}`;
  if (when === 'always') return enter(state, job, reason(rule, 'what it waits for has ended, however it ended'));
  if (when === 'on_failure') {
    const failed = before(state, job, hasFailed);
    return failed.length > 0
      ? enter(state, job, reason(rule, 'a job before it failed', failed))
      : skip(rule, 'no job before it failed');
  }
  const bad = before(state, job, isBad);
  if (bad.length > 0) return skip(rule, 'a job before it did not succeed', bad);
  const missing = job.planned.waitsFor === 'stages' ? [] : before(state, job, hasNotRun);
  if (missing.length > 0) return skip('needs', 'a job that it needs did not run', missing);
  switch (when) {
    case 'manual':
      return JobHeld({ ...about, because: reason(rule, 'its turn has come; a person must start it') });
    case 'delayed':
      return JobDelayed({ ...about, seconds, because: reason(rule, `${waitedFor(job)}; it waits ${seconds} s`) });
    case 'on_success':
      return enter(state, job, reason(rule, waitedFor(job)));
  }
};

const waitedFor = (job: JobState): string => {
  if (job.planned.waitsFor !== 'stages') {
    return job.planned.waitsFor.length === 0 ? 'it needs no other job' : 'every job that it needs ended well';
  }
  return job.stage === 0 ? 'it is in the first stage' : 'every job of the earlier stages ended well';
};

const hasFailed = (job: JobState): boolean => isBad(job) && job.status === 'failed';
const hasNotRun = ({ status }: JobState): boolean => status === 'skipped' || status === 'held';

/** Some of those that it waits for of which this holds; of stages only those that ended badly are looked at. */
const before = (state: PipelineState, { planned, stage }: JobState, which: (job: JobState) => boolean): string[] => {
  const found: string[] = [];
  const look = (index: number): void => {
    const job = state.jobs[index]!;
    if (found.length < NAMED_JOBS && which(job)) found.push(job.id);
  };
  if (planned.waitsFor !== 'stages') {
    for (const need of planned.waitsFor) look(need.job);
    return found;
  }
  const { failed, timedOut, cancelled } = state.tally;
  if (failed + timedOut + cancelled === 0) return found;
  for (const { bad } of state.stages.slice(0, stage)) {
    for (const index of bad) {
      look(index);
      if (found.length === NAMED_JOBS) return found;
    }
  }
  return found;
};

const reason = (rule: string, detail: string, jobs: string[] = []): Because => ({ rule, detail, jobs });

/**
 * Whose artifacts the job receives: of the jobs that it names, or by default of all of the earlier stages that made some.
 * What counts is their last attempt that has ended: an earlier one may have kept something that this one did not, and one
 * that somebody asked for meanwhile has kept nothing yet. Of other pipelines it is as it was when this one was planned.
 */
export const artifactsFor = (
  state: PipelineState,
  job: JobState,
): { artifactJobs: string[]; artifactAttempts: Record<string, number> } => {
  const sources = artifactSources(state, job);
  return { artifactJobs: sources.map(([id]) => id), artifactAttempts: Object.fromEntries(sources) };
};

const artifactSources = (state: PipelineState, job: JobState): [id: string, attempt: number][] => {
  const { artifactsFrom } = job.planned;
  const sources: [string, number][] = [];
  for (const index of artifactsFrom === 'earlier-stages' ? state.producers : artifactsFrom) {
    const { id, stage, planned, status, endedAttempt } = state.jobs[index]!;
    if (artifactsFrom === 'earlier-stages' && stage >= job.stage) break;
    if (planned.artifacts && status !== 'cancelled' && endedAttempt !== undefined) sources.push([id, endedAttempt]);
  }
  for (const { jobId, attempt } of job.planned.artifactsOf ?? []) sources.push([jobId, attempt]);
  return sources;
};
