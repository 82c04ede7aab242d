import { JobCancelled, JobStopRequested, PipelineCancelling } from '@foldline/contracts';
import type { Decision } from '@foldline/kernel';
import { follow } from './follow.ts';
import type { PipelineEvent } from './pipeline.evolve.ts';
import { isActive, isSettled, type PipelineState } from './pipeline.state.ts';

/**
 * Jobs that run are told to stop and end when they have; one that has run already keeps what came of it. Everything
 * else ends now, and nothing new begins. A pipeline that is still being planned ends as soon as its plan is there.
 */
export const cancelPipeline = (
  { pipelineId, by }: { pipelineId: string; by: string },
  decision: Decision<PipelineState, PipelineEvent>,
): void => {
  const { state } = decision;
  if (state.phase === 'finished' || state.cancelling) return;
  decision.emit(PipelineCancelling({ pipelineId, by }));
  for (const job of state.jobs) {
    const about = { pipelineId, jobId: job.id, attempt: job.attempt };
    if (isSettled(job)) continue;
    if (!isActive(job)) decision.emit(JobCancelled(about));
    else if (job.status === 'assigned' && !job.stopReason) {
      decision.emit(JobStopRequested({ ...about, runnerId: job.runnerId!, reason: 'cancelled' }));
    }
  }
  follow(decision);
};
