import type { RunnerOffer } from '@foldline/contracts';

const GIB = 1024 ** 3;

/** What a small runner offers, unless it is said otherwise. */
export const runnerOffer = ({
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
