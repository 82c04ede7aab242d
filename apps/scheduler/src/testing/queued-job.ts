import type { RunnerOffer } from '@foldline/contracts';
import type { QueuedJob } from '../dispatch/job-queue.ts';

const GIB = 1024 ** 3;

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

export const offer = ({
  power = 'low-power',
  ...more
}: Partial<RunnerOffer> & { power?: 'low-power' | 'high-power' } = {}): RunnerOffer => ({
  cluster: { id: power === 'low-power' ? 'small' : 'big', power },
  cpu: 4,
  memoryBytes: 8 * GIB,
  diskBytes: 100 * GIB,
  slots: 2,
  executors: ['process'],
  ...more,
});
