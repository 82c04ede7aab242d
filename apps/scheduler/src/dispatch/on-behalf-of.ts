import { attemptIdOf } from '@foldline/contracts';
import { logAbout } from '@foldline/kernel';
import type { QueuedJob } from './job-queue.ts';

/**
 * Does what is done about a job where it was queued, not where the slot became free: to the log and to traces it
 * belongs to its own pipeline.
 */
export const onBehalfOf = <Result>(job: QueuedJob, work: () => Result): Result => {
  const { pipelineId, jobId, attempt, context } = job;
  const ids = { service: 'scheduler', pipelineId, jobId, attemptId: attemptIdOf(jobId, attempt) };
  const about = (): Result => logAbout(ids, work);
  return context ? context.runInAsyncScope(about) : about();
};
