import { describe, expect, it } from '@jest/globals';
import { addDurations, DURATION_BOUNDS_MS, meanMs, NO_DURATIONS, quantileMs, withDuration } from './durations.ts';

const durations = (...ms: number[]) => ms.reduce(withDuration, NO_DURATIONS);
const exact = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(values.length * part) - 1)]!;
/** The same numbers every time, over seven orders of magnitude. */
const spread = Array.from({ length: 2000 }, (_, n) => Math.round(10 * 1.006 ** ((n * 7919) % 2000)));

describe('durations', () => {
  it.each([0.01, 0.25, 0.5, 0.75, 0.95, 0.99])('tell the quantile %d within 9.1 percent', (part) => {
    const found = quantileMs(durations(...spread), part)!;
    expect(Math.abs(found / exact(spread, part) - 1)).toBeLessThan(0.091);
  });

  it('tell number, mean and greatest exactly', () => {
    const all = durations(...spread);
    const sum = spread.reduce((total, ms) => total + ms, 0);
    expect(all).toMatchObject({ n: 2000, sumMs: sum, maxMs: Math.max(...spread) });
    expect(meanMs(all)).toBe(Math.round(sum / 2000));
    expect(quantileMs(durations(5, 3), 1)).toBe(5);
  });

  it('of two hours are those of both', () => {
    const [one, other] = [spread.slice(0, 700), spread.slice(700)];
    expect(addDurations(durations(...one), durations(...other))).toEqual(durations(...spread));
  });

  it('keep no more than a count for each bound, however long they are', () => {
    const all = durations(...DURATION_BOUNDS_MS, Number.MAX_SAFE_INTEGER, -1);
    expect(Object.keys(all.at)).toHaveLength(DURATION_BOUNDS_MS.length + 1);
    expect(quantileMs(all, 1)).toBe(Number.MAX_SAFE_INTEGER);
    expect(quantileMs(all, 0)).toBe(8);
  });

  it('say that there are none', () => {
    expect(quantileMs(NO_DURATIONS, 0.5)).toBeNull();
    expect(meanMs(NO_DURATIONS)).toBeNull();
  });
});
