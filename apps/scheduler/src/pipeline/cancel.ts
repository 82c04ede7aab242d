import {
  JobCancelled,
  JobStopRequested,
  PipelineCancelling,
  type Because,
  type CancelReason,
} from '@foldline/contracts';
import type { Decision } from '@foldline/kernel';
import { stopDownstream, supersedeDownstream } from './downstream.ts';
import { follow } from './follow.ts';
import type { PipelineEvent } from './pipeline.evolve.ts';
import { isActive, isSettled, type JobState, type PipelineState } from './pipeline.state.ts';

type Cancellation = {
  pipelineId: string;
  by: string;
  reason?: CancelReason;
  because?: Because;
  /** The newer pipeline that has made this one redundant. */
  supersededBy?: string;
};

/**
 * Jobs that run are told to stop and end when they have; one that has run already keeps what came of it. Everything
 * else ends now, and nothing new begins. A pipeline that is still being planned ends as soon as its plan is there.
 * One that a newer one ends leaves those below it to themselves, until somebody cancels it all the same.
 */
export const cancelPipeline = (
  { pipelineId, by, reason, because, supersededBy }: Cancellation,
  decision: Decision<PipelineState, PipelineEvent>,
): void => {
  const { state } = decision;
  const mayBeTold = !state.cancelling || (state.cancelReason === 'superseded' && !reason);
  if (state.phase === 'finished' || !mayBeTold) return;
  decision.emit(PipelineCancelling({ pipelineId, by, ...(reason ? { reason } : {}), ...(because ? { because } : {}) }));
  for (const job of state.jobs) {
    if (supersededBy !== undefined && supersedeDownstream(job, supersededBy, decision)) continue;
    if (isSettled(job)) stopDownstream(job, decision);
    else cancelJob(job, decision);
  }
  follow(decision);
};

/** With a reason of its own the job ends by itself; without one it ends with its pipeline. */
export const cancelJob = (job: JobState, decision: Decision<PipelineState, PipelineEvent>, because?: Because): void => {
  if (isSettled(job)) return;
  const about = { pipelineId: decision.state.context!.pipelineId, jobId: job.id, attempt: job.attempt };
  const why = because ? { because } : {};
  if (job.status === 'triggered') stopDownstream(job, decision);
  if (!isActive(job)) decision.emit(JobCancelled({ ...about, ...why }));
  else if (job.status === 'assigned' && !willEnd(job, because))
    decision.emit(JobStopRequested({ ...about, runnerId: job.runnerId!, reason: 'cancelled', ...why }));
};

/** Whoever has been told to stop need not be told again, unless it would be queued again after it. */
const willEnd = ({ stopReason }: JobState, because: Because | undefined): boolean =>
  stopReason === 'cancelled' || (stopReason === 'preempted' && because === undefined);
