import type { QueuedJob } from '../dispatch/job-queue.ts';

export { runnerOffer as offer } from '@foldline/testing';

/** A first attempt that asks for nothing special; jobs are queued in the order of their numbers. */
export const queuedJob = (index: number, more: Partial<QueuedJob> = {}): QueuedJob => ({
  jobId: `p1.${index}`,
  pipelineId: 'p1',
  projectId: 'pr1',
  attempt: 1,
  priority: 5,
  queuedAt: index,
  position: index,
  requirements: {},
  highPowerAllowed: false,
  interruptible: false,
  ...more,
});
