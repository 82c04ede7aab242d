import {
  isBad,
  isMoving,
  isOptional,
  isSettled,
  type JobState,
  type JobStatus,
  type PipelineState,
} from './pipeline.state.ts';

/** Which jobs may go, kept up to date as jobs settle: every function costs the jobs it touches. */

export const setStatus = (state: PipelineState, job: JobState, status: JobStatus): void => {
  if (isMoving(job)) state.moving -= 1;
  job.status = status;
  if (isMoving(job)) state.moving += 1;
};

/** Opens the next stages as long as the one that is open has nothing that later ones wait for. */
export const openStages = (state: PipelineState): void => {
  while (state.frontier < state.stages.length - 1 && (state.stages[state.frontier]?.unsettled ?? 0) === 0) {
    state.frontier += 1;
    for (const index of state.stages[state.frontier]!.jobs) {
      const job = state.jobs[index]!;
      if (job.status === 'created' && job.planned.waitsFor === 'stages') state.ready.add(index);
    }
  }
};

export const settle = (
  state: PipelineState,
  job: JobState,
  status: 'success' | 'failed' | 'skipped' | 'cancelled',
): void => {
  const optional = isOptional(job);
  state.ready.delete(job.planned.index);
  state.blocking.delete(job.planned.index);
  state.delayed.delete(job.planned.index);
  setStatus(state, job, status);
  if (status === 'success' || status === 'failed') job.endedAttempt = job.attempt;
  count(state, job, 1);
  const stage = state.stages[job.stage]!;
  if (isBad(job)) stage.bad.add(job.planned.index);
  if (status === 'skipped' && job.planned.waitsFor === 'stages') stage.skipped.add(job.planned.index);
  if (!optional) release(state, job);
};

/** A manual job's turn has come. An optional one counts as settled for everybody else. */
export const hold = (state: PipelineState, job: JobState): void => {
  state.ready.delete(job.planned.index);
  setStatus(state, job, 'held');
  if (isOptional(job)) release(state, job);
  else state.blocking.add(job.planned.index);
};

/** The turn of a delayed job has come. */
export const delay = (state: PipelineState, job: JobState): void => {
  state.ready.delete(job.planned.index);
  setStatus(state, job, 'delayed');
  state.delayed.add(job.planned.index);
};

/** A held or delayed job goes on; what was skipped because nobody had started it gets its chance again. */
export const resume = (state: PipelineState, job: JobState): void => {
  const optional = isOptional(job);
  state.blocking.delete(job.planned.index);
  state.delayed.delete(job.planned.index);
  setStatus(state, job, 'created');
  if (!optional) return;
  retain(state, job);
  reopenFollowers(state, job);
};

/** A settled job runs again: those behind it wait for it once more. */
export const unsettle = (state: PipelineState, job: JobState): void => {
  count(state, job, -1);
  const stage = state.stages[job.stage]!;
  stage.bad.delete(job.planned.index);
  stage.skipped.delete(job.planned.index);
  setStatus(state, job, 'created');
  job.allowedToFail = job.planned.allowFailure;
  retain(state, job);
};

/** Jobs that were skipped behind this one are decided again when it has ended. */
export const reopenFollowers = (state: PipelineState, job: JobState): void => {
  const again = [...job.dependents];
  for (let stage = job.stage + 1; stage < state.stages.length; stage += 1) {
    for (const index of state.stages[stage]!.skipped) again.push(index);
  }
  for (let index = again.pop(); index !== undefined; index = again.pop()) {
    const follower = state.jobs[index]!;
    if (follower.status !== 'skipped') continue;
    unsettle(state, follower);
    for (const dependent of follower.dependents) again.push(dependent);
  }
};

const release = (state: PipelineState, job: JobState): void => {
  state.open -= 1;
  state.stages[job.stage]!.unsettled -= 1;
  for (const index of job.dependents) {
    const dependent = state.jobs[index]!;
    dependent.needsOpen -= 1;
    if (dependent.needsOpen === 0 && dependent.status === 'created') state.ready.add(index);
  }
  openStages(state);
};

const retain = (state: PipelineState, job: JobState): void => {
  state.open += 1;
  state.stages[job.stage]!.unsettled += 1;
  state.frontier = Math.min(state.frontier, job.stage);
  for (const index of job.dependents) state.jobs[index]!.needsOpen += 1;
};

const count = (state: PipelineState, job: JobState, by: 1 | -1): void => {
  if (!isSettled(job)) return;
  const { tally } = state;
  if (job.status === 'success' || job.status === 'skipped') tally[job.status] += by;
  else if (!isBad(job)) tally.warned += by;
  else if (job.status === 'cancelled') tally.cancelled += by;
  else if (job.failure === 'job_timeout') tally.timedOut += by;
  else tally.failed += by;
};
