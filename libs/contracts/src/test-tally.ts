import type { TestTally } from './metrics-documents.ts';
import { REPORT_LISTS } from './reports.ts';

export const NO_TESTS: TestTally = {
  reports: 0,
  tests: 0,
  failed: 0,
  errored: 0,
  skipped: 0,
  durationMs: 0,
  slowest: [],
};

/** Both together. Of a test that is among the slowest of both the longer time counts. */
export const addTests = (one: TestTally, other: TestTally): TestTally => ({
  reports: one.reports + other.reports,
  tests: one.tests + other.tests,
  failed: one.failed + other.failed,
  errored: one.errored + other.errored,
  skipped: one.skipped + other.skipped,
  durationMs: one.durationMs + other.durationMs,
  slowest: slowestOf([...one.slowest, ...other.slowest]),
});

const slowestOf = (tests: TestTally['slowest']): TestTally['slowest'] => {
  const sorted = tests.toSorted((a, b) => b.durationMs - a.durationMs);
  const isFirst = (test: (typeof tests)[number], at: number): boolean =>
    sorted.findIndex(({ job, suite, name }) => job === test.job && suite === test.suite && name === test.name) === at;
  return sorted.filter(isFirst).slice(0, REPORT_LISTS.slowest);
};
