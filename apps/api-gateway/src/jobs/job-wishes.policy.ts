import type { JobDoc, PipelineDoc } from '@foldline/contracts';
import { Refusal } from '@foldline/kernel';

export type JobWish = 'RetryJob' | 'PlayJob';

const ENDED: ReadonlySet<string> = new Set(['success', 'failed', 'cancelled', 'timed_out']);

/**
 * Throws the `Refusal` of a wish that the scheduler would ignore (`retry` and `play` of its pipeline decider), so that
 * who asks learns why. Its state and the documents are folds over the same events.
 */
export const judgeJobWish = (
  wish: JobWish,
  { status }: Pick<JobDoc, 'status'>,
  pipeline: Pick<PipelineDoc, 'status'>,
): void => {
  if (wish === 'PlayJob') {
    if (status !== 'manual' && status !== 'delayed') throw new Refusal('not_manual', `the job is ${status}`);
    return;
  }
  if (status === 'skipped') throw new Refusal('job_skipped', 'the job was skipped, so there is nothing to run again');
  if (!ENDED.has(status)) throw new Refusal('not_finished', `the job is ${status}`);
  if (pipeline.status === 'cancelling')
    throw new Refusal('pipeline_cancelling', 'nothing starts in a pipeline that is being cancelled');
};
