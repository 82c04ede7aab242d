import { createHash } from 'node:crypto';
import { REPORT_LISTS, testKey, type ReportedTest, type TestCounts, type TestsReported } from '@foldline/contracts';
import type { TestCase } from './junit.ts';

type Reported = ReturnType<typeof TestsReported>['data'];
export type CountedTests = TestCounts & Pick<Reported, 'ran' | 'failures' | 'passedNow' | 'slowest'>;

const named = ({ suite, name }: ReportedTest): ReportedTest => ({ suite, name });

/**
 * What the cases of all reports of an attempt come to; `failedBefore` are the tests that have failed at its commit in
 * another attempt. Where several cases have one name, the test failed when one of them did, and ran when one of them ran.
 */
export const countTests = (cases: readonly TestCase[], failedBefore: readonly ReportedTest[]): CountedTests => {
  const having = (outcome: TestCase['outcome']): TestCase[] => cases.filter((each) => each.outcome === outcome);
  const byKey = (tests: readonly TestCase[]): Map<string, TestCase> =>
    new Map(tests.map((test) => [testKey(test), test]));
  const [failed, errored, skipped] = [having('failed'), having('errored'), having('skipped')];
  const failures = byKey([...failed, ...errored]);
  const ran = byKey(cases.filter(({ outcome }) => outcome !== 'skipped'));
  const hasPassed = (test: ReportedTest): boolean => ran.has(testKey(test)) && !failures.has(testKey(test));
  return {
    tests: cases.length,
    failed: failed.length,
    errored: errored.length,
    skipped: skipped.length,
    durationMs: Math.round(cases.reduce((sum, { durationMs }) => sum + durationMs, 0)),
    ran: digestOf([...ran.keys()]),
    failures: [...failures.values()].slice(0, REPORT_LISTS.failures).map(named),
    passedNow: failedBefore.filter(hasPassed).slice(0, REPORT_LISTS.failures).map(named),
    slowest: slowestOf(cases),
  };
};

const digestOf = (keys: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(keys.toSorted())).digest('hex');

const slowestOf = (cases: readonly TestCase[]): Reported['slowest'] =>
  cases
    .filter(({ durationMs }) => durationMs >= 1)
    .toSorted((a, b) => b.durationMs - a.durationMs)
    .slice(0, REPORT_LISTS.slowest)
    .map((test) => ({ ...named(test), durationMs: Math.round(test.durationMs) }));
