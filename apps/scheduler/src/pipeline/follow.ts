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
  const { pipelineId } = state.context!;
  const about = { pipelineId, jobId: job.id };
  if (state.cancelling) return JobCancelled({ ...about, attempt: job.attempt });
  const { bad, failed, missing } = predecessors(state, job);
  const queue = (because: Because): PipelineEvent => enter(state, job, because);
  const skip = (because: Because): PipelineEvent => JobSkipped({ ...about, because });
  switch (job.planned.when) {
    case 'always':
      return queue(reason('when: always', 'what it waits for has ended, however it ended'));
    case 'on_failure':
      return failed.length > 0
        ? queue(reason('when: on_failure', 'a job before it failed', failed))
        : skip(reason('when: on_failure', 'no job before it failed'));
    case 'manual':
    case 'delayed':
    case 'on_success':
      if (bad.length > 0) return skip(reason(`when: ${job.planned.when}`, 'a job before it did not succeed', bad));
      if (missing.length > 0) return skip(reason('needs', 'a job that it needs did not run', missing));
      return go(about, job, queue);
  }
};

const go = (
  about: { pipelineId: string; jobId: string },
  job: JobState,
  queue: (because: Because) => PipelineEvent,
): PipelineEvent => {
  const { when, startInSeconds: seconds = 0 } = job.planned;
  if (when === 'manual')
    return JobHeld({ ...about, because: reason('when: manual', 'its turn has come; a person must start it') });
  if (when === 'delayed')
    return JobDelayed({
      ...about,
      seconds,
      because: reason('when: delayed', `${waitedFor(job)}; it waits ${seconds} s`),
    });
  return queue(reason('when: on_success', waitedFor(job)));
};

const waitedFor = (job: JobState): string => {
  if (job.planned.waitsFor !== 'stages') {
    return job.planned.waitsFor.length === 0 ? 'it needs no other job' : 'every job that it needs ended well';
  }
  return job.stage === 0 ? 'it is in the first stage' : 'every job of the earlier stages ended well';
};

/** Some of the jobs before it: that did not end well and should have, that failed among those, and that did not run. */
type Predecessors = { bad: string[]; failed: string[]; missing: string[] };

const predecessors = (state: PipelineState, job: JobState): Predecessors => {
  if (job.planned.waitsFor === 'stages') return { ...badBefore(state, job.stage), missing: [] };
  const needed = job.planned.waitsFor.map((need) => state.jobs[need.job]!);
  const idsOf = (which: (each: JobState) => boolean): string[] => named(needed.filter(which));
  return {
    bad: idsOf(isBad),
    failed: idsOf(hasFailed),
    missing: idsOf(({ status }) => status === 'skipped' || status === 'held'),
  };
};

const hasFailed = (job: JobState): boolean => isBad(job) && job.status === 'failed';
const named = (jobs: readonly JobState[]): string[] => jobs.slice(0, NAMED_JOBS).map(({ id }) => id);

/** Looks at those before a stage that did not succeed only when there are any. */
const badBefore = ({ jobs, stages, tally }: PipelineState, end: number): Pick<Predecessors, 'bad' | 'failed'> => {
  const before = (which: (job: JobState) => boolean): string[] => {
    const found: JobState[] = [];
    for (const stage of stages.slice(0, end)) {
      for (const index of stage.bad) {
        if (which(jobs[index]!)) found.push(jobs[index]!);
        if (found.length === NAMED_JOBS) return named(found);
      }
    }
    return named(found);
  };
  const failures = tally.failed + tally.timedOut;
  return {
    bad: failures + tally.cancelled > 0 ? before(isBad) : [],
    failed: failures > 0 ? before(hasFailed) : [],
  };
};

const reason = (rule: string, detail: string, jobs: string[] = []): Because => ({ rule, detail, jobs });

/**
 * Whose artifacts the job receives: of the jobs that it names, or by default of all of the earlier stages that made some.
 * What counts is their last attempt that has ended: an earlier one may have kept something that this one did not, and one
 * that somebody asked for meanwhile has kept nothing yet.
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
  return sources;
};
