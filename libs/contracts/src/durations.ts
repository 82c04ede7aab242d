import type { PipelineDoc } from './read-models.ts';

/**
 * Durations of which only the spread is kept: how many lay between fixed bounds, each about 1.19 times (2^¼) the one
 * before, from 8 ms to two days. Two of them are added by adding their counts, and a quantile that is read from them is
 * off by 9.1 % at most, or by 8 ms below that; number, sum and greatest are exact.
 */
export type Durations = {
  n: number;
  sumMs: number;
  maxMs: number;
  /** How many lay in a bucket, by its number; empty ones are left out. */
  at: Readonly<Record<string, number>>;
};

const FIRST_MS = 8;
const PER_DOUBLING = 4;
const DOUBLINGS = 25;

/** Of bucket `n` the greatest duration in it, in milliseconds; what is longer than all lies in a bucket of its own. */
export const DURATION_BOUNDS_MS: readonly number[] = Array.from({ length: DOUBLINGS * PER_DOUBLING }, (_, n) =>
  Math.round(FIRST_MS * 2 ** (n / PER_DOUBLING)),
);
/** Every so many of them is twice the one before. */
export const BOUNDS_PER_DOUBLING = PER_DOUBLING;

export const NO_DURATIONS: Durations = { n: 0, sumMs: 0, maxMs: 0, at: {} };

const bucketOf = (ms: number): number => {
  let low = 0;
  let high = DURATION_BOUNDS_MS.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (DURATION_BOUNDS_MS[middle]! < ms) low = middle + 1;
    else high = middle;
  }
  return low;
};

/** With one more of so many milliseconds. Clocks of hosts differ: what ended before it began took no time. */
export const withDuration = ({ n, sumMs, maxMs, at }: Durations, ms: number): Durations => {
  const took = Math.max(0, Math.round(ms));
  const bucket = bucketOf(took);
  return {
    n: n + 1,
    sumMs: sumMs + took,
    maxMs: Math.max(maxMs, took),
    at: { ...at, [bucket]: (at[bucket] ?? 0) + 1 },
  };
};

/** All of both. */
export const addDurations = (one: Durations, other: Durations): Durations => {
  const at: Record<string, number> = { ...one.at };
  for (const [bucket, count] of Object.entries(other.at)) at[bucket] = (at[bucket] ?? 0) + count;
  return { n: one.n + other.n, sumMs: one.sumMs + other.sumMs, maxMs: Math.max(one.maxMs, other.maxMs), at };
};

/** The milliseconds that so many of them, 0…1, do not exceed; `null` when there are none. */
export const quantileMs = ({ n, maxMs, at }: Durations, part: number): number | null => {
  if (n === 0) return null;
  const wanted = Math.max(1, Math.ceil(n * part));
  let seen = 0;
  for (const bucket of Object.keys(at).map(Number)) {
    seen += at[bucket]!;
    if (seen >= wanted) return Math.min(maxMs, middleOf(bucket));
  }
  return maxMs;
};

/** The one that is as many times greater than the least of the bucket as it is less than the greatest. */
const middleOf = (bucket: number): number => {
  const greatest = DURATION_BOUNDS_MS[bucket];
  if (greatest === undefined) return Number.MAX_SAFE_INTEGER;
  return bucket === 0 ? greatest : Math.round(Math.sqrt(greatest * DURATION_BOUNDS_MS[bucket - 1]!));
};

export const meanMs = ({ n, sumMs }: Durations): number | null => (n === 0 ? null : Math.round(sumMs / n));

/** Milliseconds; of a pipeline that went on after its end nobody can tell, for nothing was done in between. */
export const tookOf = ({
  startedAt,
  finishedAt,
  endedBefore,
}: Pick<PipelineDoc, 'startedAt' | 'finishedAt' | 'endedBefore'>): number | undefined =>
  startedAt === undefined || finishedAt === undefined || endedBefore !== undefined
    ? undefined
    : Date.parse(finishedAt) - Date.parse(startedAt);
