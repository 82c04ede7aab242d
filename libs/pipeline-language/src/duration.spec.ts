import { describe, expect, it } from '@jest/globals';
import { parseDuration } from './duration.ts';

describe('A duration', () => {
  it.each([
    ['30m', 1800],
    ['1h 30m', 5400],
    ['1h30m', 5400],
    ['90 seconds', 90],
    ['90', 90],
    ['1 week', 604_800],
    ['30 days', 2_592_000],
    ['3 hrs and 4 min', 11_040],
    ['6 mos, 1 day', 15_638_400],
    ['1.5h', 5400],
    ['  2 MINUTES ', 120],
  ])('%s is %d seconds', (text, seconds) => expect(parseDuration(text)).toBe(seconds));

  it.each(['', 'soon', '5 parsecs', 'm30', '1h x', '-5m', '1 constructor', '1'.repeat(101)])('%j is none', (text) =>
    expect(parseDuration(text)).toBeUndefined(),
  );
});
