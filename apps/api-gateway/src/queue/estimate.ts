import { quantile } from '../operations/measures.ts';

/** How long something will take, and from how many runs that is told. */
export type Estimate = { ms: number; runs: number };

/**
 * What is left of a job that has run for so many milliseconds: the middle one of those earlier runs of its kind that took
 * longer. Nothing where there was none: of a job that runs longer than any before it nobody knows when it will end.
 */
export const estimateOf = (earlierMs: readonly number[], elapsedMs = 0): Estimate | undefined => {
  const longer = earlierMs.filter((ms) => ms > elapsedMs);
  const middle = quantile(longer, 0.5);
  return middle === null ? undefined : { ms: middle - elapsedMs, runs: longer.length };
};
