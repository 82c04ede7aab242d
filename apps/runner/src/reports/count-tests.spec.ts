import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { REPORT_LISTS } from '@foldline/contracts';
import { countTests } from './count-tests.ts';
import type { TestCase, TestOutcome } from './junit.ts';

const test = (name: string, outcome: TestOutcome = 'passed', durationMs = 0): TestCase => ({
  suite: 's',
  name,
  outcome,
  durationMs,
});
const named = (...names: string[]) => names.map((name) => ({ suite: 's', name }));

describe('What tests come to', () => {
  it('is how many there were, how they ended and how long they took together', () =>
    expect(
      countTests([test('a', 'passed', 1.4), test('b', 'failed', 2.4), test('c', 'errored'), test('d', 'skipped')], []),
    ).toMatchObject({ tests: 4, failed: 1, errored: 1, skipped: 1, durationMs: 4, failures: named('b', 'c') }));

  it('is with those that have failed before and have passed now: not what is skipped, and not what is not there', () => {
    const cases = [test('a'), test('b', 'failed'), test('c', 'skipped')];
    expect(countTests(cases, named('a', 'b', 'c', 'gone')).passedNow).toEqual(named('a'));
  });

  it('is a failure when one of several cases of a name has failed', () => {
    const { failures, passedNow } = countTests([test('a', 'failed'), test('a')], named('a'));
    expect({ failures, passedNow }).toEqual({ failures: named('a'), passedNow: [] });
  });

  it('is with the slowest of them', () =>
    expect(
      countTests(
        Array.from({ length: 9 }, (_, n) => test(`t${n}`, 'passed', n * 10)),
        [],
      ).slowest.map(({ name }) => name),
    ).toEqual(['t8', 't7', 't6', 't5', 't4']));

  it('has no more failures than an event may have', () =>
    expect(
      countTests(
        Array.from({ length: 300 }, (_, n) => test(`t${n}`, 'failed')),
        [],
      ).failures,
    ).toHaveLength(REPORT_LISTS.failures));

  it('names what ran by one digest: in whatever order, and however it ended', () =>
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(fc.string(), fc.string()), { selector: (pair) => JSON.stringify(pair), minLength: 1 }),
        fc.constantFrom<TestOutcome>('passed', 'failed', 'errored'),
        (names, outcome) => {
          const cases = names.map(([suite, name]) => ({ ...test(name), suite }));
          const { ran } = countTests(cases, []);
          expect(
            countTests(
              cases.toReversed().map((each) => ({ ...each, outcome })),
              [],
            ).ran,
          ).toBe(ran);
          expect(countTests(cases.slice(1), []).ran).not.toBe(ran);
        },
      ),
    ));
});
