import { attemptIdOf } from '@foldline/contracts';
import type { Cause } from '@foldline/kernel';
import type { PipelineCommand } from '../pipeline/pipeline.decider.ts';
import type { DispatchStep } from './dispatcher.ts';

/** What a step asks of the pipeline of its job. */
export const commandOf = (step: DispatchStep): PipelineCommand => {
  const { jobId, attempt } = step.job;
  switch (step.kind) {
    case 'assign': {
      const { runnerId, epoch, cluster, detail } = step;
      return { type: 'AssignJob', jobId, attempt, runnerId, epoch, cluster, detail };
    }
    case 'preempt':
      return { type: 'PreemptJob', jobId, attempt };
    case 'explain':
      return { type: 'ExplainWait', jobId, attempt, code: step.code, detail: step.detail };
  }
};

/** Names what the step decides: two schedulers that choose differently must not be taken for one that repeats itself. */
export const causeOf = (step: DispatchStep): Cause => {
  const chosen =
    step.kind === 'assign' ? `${step.runnerId}:${step.epoch ?? ''}` : step.kind === 'explain' ? step.code : '';
  return {
    id: `${step.kind}:${attemptIdOf(step.job.jobId, step.job.attempt)}:${chosen}`,
    actor: { kind: 'system', id: 'scheduler' },
  };
};
