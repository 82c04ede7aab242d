import type { Because } from '@foldline/contracts';
import type { Decision } from '@foldline/kernel';
import { cancelJob, cancelPipeline } from './cancel.ts';
import { supersedeDownstream } from './downstream.ts';
import { follow } from './follow.ts';
import type { PipelineEvent } from './pipeline.evolve.ts';
import type { JobState, PipelineState } from './pipeline.state.ts';

type PipelineDecision = Decision<PipelineState, PipelineEvent>;
const SCHEDULER = 'scheduler';

/** A job has failed for good, and may not: nothing else of the pipeline needs to go on, where it asks for that. */
export const cancelAfterFailure = (job: JobState, decision: PipelineDecision): void => {
  const { context, plan } = decision.state;
  if (plan?.autoCancel?.onJobFailure !== 'all') return;
  const because = { rule: 'auto_cancel: on_job_failure', detail: `${job.planned.name} failed`, jobs: [job.id] };
  cancelPipeline({ pipelineId: context!.pipelineId, by: SCHEDULER, reason: 'job_failed', because }, decision);
};

export type Superseding = {
  pipelineId: string;
  by: string;
  /** The pipeline above was made redundant, and has asked this one. */
  fromAbove?: true;
};

/**
 * A newer pipeline of the same branch has begun. What that means for this one is for its own plan to say; one that was
 * asked from above and says nothing, or has no plan yet, is conservative, since the one above wants to be ended.
 */
export const supersede = ({ pipelineId, by, fromAbove }: Superseding, decision: PipelineDecision): void => {
  const { state } = decision;
  if (state.phase === 'finished' || state.cancelling) return;
  const mode = state.plan?.autoCancel?.onNewCommit ?? (fromAbove ? 'conservative' : 'none');
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
      return cancelPipeline({ pipelineId, by: SCHEDULER, reason: 'superseded', because, supersededBy: by }, decision);
    case 'interruptible': {
      for (const job of state.jobs)
        if (job.planned.interruptible && !supersedeDownstream(job, by, decision)) cancelJob(job, decision, because);
      if (decision.events.some(({ type }) => type === 'JobCancelled')) follow(decision);
    }
  }
};
