import type { Because } from '@foldline/contracts';
import type { Decision } from '@foldline/kernel';
import { cancelJob, cancelPipeline } from './cancel.ts';
import { follow } from './follow.ts';
import type { PipelineEvent } from './pipeline.evolve.ts';
import { isSettled, type JobState, type PipelineState } from './pipeline.state.ts';

type PipelineDecision = Decision<PipelineState, PipelineEvent>;
const SCHEDULER = 'scheduler';

/** A job has failed for good, and may not: nothing else of the pipeline needs to go on, where it asks for that. */
export const cancelAfterFailure = (job: JobState, decision: PipelineDecision): void => {
  const { context, plan } = decision.state;
  if (plan?.autoCancel?.onJobFailure !== 'all') return;
  const because = { rule: 'auto_cancel: on_job_failure', detail: `${job.planned.name} failed`, jobs: [job.id] };
  cancelPipeline({ pipelineId: context!.pipelineId, by: SCHEDULER, reason: 'job_failed', because }, decision);
};

/** A newer pipeline of the same branch has begun. What that means for this one is for its own plan to say. */
export const supersede = ({ by }: { by: string }, decision: PipelineDecision): void => {
  const { state } = decision;
  if (state.phase !== 'running' || state.cancelling) return;
  const mode = state.plan!.autoCancel?.onNewCommit ?? 'none';
  const because: Because = {
    rule: `auto_cancel: ${mode}`,
    detail: `pipeline ${by} of a newer commit of the branch has begun`,
    jobs: [],
  };
  switch (mode) {
    case 'none':
      return;
    case 'conservative':
      if (state.begunToStay) return;
      return cancelPipeline(
        { pipelineId: state.context!.pipelineId, by: SCHEDULER, reason: 'superseded', because },
        decision,
      );
    case 'interruptible': {
      const before = decision.events.length;
      for (const job of state.jobs) if (job.planned.interruptible && !isSettled(job)) cancelJob(job, decision, because);
      if (decision.events.length > before) follow(decision);
    }
  }
};
