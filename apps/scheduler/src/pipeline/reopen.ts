import { PipelineReopened } from '@foldline/contracts';
import type { Decision } from '@foldline/kernel';
import type { PipelineEvent } from './pipeline.evolve.ts';
import type { PipelineState } from './pipeline.state.ts';

/** A pipeline that has ended goes on because of one of its jobs. */
export const reopen = (jobId: string, decision: Decision<PipelineState, PipelineEvent>): void => {
  const { phase, context } = decision.state;
  if (phase !== 'finished') return;
  const { pipelineId, upstream } = context!;
  decision.emit(PipelineReopened({ pipelineId, jobId, ...(upstream ? { upstream } : {}) }));
};
