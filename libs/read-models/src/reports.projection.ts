import {
  COLLECTION,
  commitTestsId,
  REPORT_LISTS,
  testKey,
  testOf,
  TestsReported,
  VulnerabilitiesReported,
  type CommitTestsDoc,
  type FlakyTestDoc,
  type RecordedEvent,
  type ReportedTest,
  type ScanDoc,
  type TestKey,
} from '@foldline/contracts';
import { defineProjection, derivedId, when, whenChanged, type Changed } from '@foldline/kernel';

/** Attempts at one commit whose tests are compared with those of the next. */
const KEPT_RUNS = 10;
/** Tests that are told to be flaky at one commit. */
const KEPT_FLAKY = 200;

type Reported = ReturnType<typeof TestsReported>['data'];
type Run = CommitTestsDoc['runs'][number];

const runOf = ({ attemptId, ran, failures, failed, errored }: Reported): Run => ({
  attemptId,
  ran,
  failed: failures.map(testKey),
  // Cases of one name are one test, so a list may be whole and shorter than the cases; one that is full may lack some.
  isWhole: failures.length < REPORT_LISTS.failures || failures.length === failed + errored,
});

/** Both have run the same tests, so what failed in one of them alone has passed in the other. */
const passedInOther = (one: Run, other: Run): TestKey[] =>
  one.ran === other.ran && other.isWhole ? one.failed.filter((key) => !other.failed.includes(key)) : [];

const distinct = (keys: readonly TestKey[]): TestKey[] => [...new Set(keys)];

const withTests = (doc: CommitTestsDoc, reported: Reported): CommitTestsDoc => {
  const run = runOf(reported);
  const others = doc.runs.filter(({ attemptId }) => attemptId !== run.attemptId);
  const compared = others.flatMap((other) => [...passedInOther(run, other), ...passedInOther(other, run)]);
  const passedNow = reported.passedNow.map(testKey).filter((key) => doc.failures.includes(key));
  return {
    ...doc,
    failures: distinct([...doc.failures, ...run.failed]).slice(-REPORT_LISTS.failures),
    runs: [...others, run].slice(-KEPT_RUNS),
    flaky: distinct([...doc.flaky, ...passedNow, ...compared]).slice(0, KEPT_FLAKY),
  };
};

/** What tests came to at each commit: a test that has failed in one attempt and passed in another is flaky. */
export const commitTestsProjection = defineProjection<CommitTestsDoc>(
  COLLECTION.commitTests,
  ({ id }) => ({ byId: id }),
  [
    when(
      TestsReported,
      ({ projectId, sha, place }) => commitTestsId(projectId, sha, place),
      (doc, { data }, id) => {
        const { projectId, job, sha } = data;
        return withTests(doc ?? { id, projectId, job, sha, failures: [], runs: [], flaky: [] }, data);
      },
    ),
  ],
);

/** Those of a commit that are flaky since just now, by the ids of their documents. */
const newlyFlaky = ({ before, after }: Changed<CommitTestsDoc>): Map<string, ReportedTest> => {
  if (!after || after.flaky.length === (before?.flaky.length ?? 0)) return new Map();
  const known = new Set(before?.flaky);
  const tests = after.flaky.filter((key) => !known.has(key)).map(testOf);
  return new Map(tests.map((test) => [derivedId('test', after.projectId, after.job, test.suite, test.name), test]));
};

/** `byProject`: those that were seen last at the end. */
export const flakyTestsProjection = defineProjection<FlakyTestDoc>(
  COLLECTION.flakyTests,
  ({ id, projectId, lastSeenAt }) => ({ byProject: `${projectId}/${lastSeenAt}/${id}` }),
  [],
  [
    whenChanged<FlakyTestDoc, CommitTestsDoc>(
      COLLECTION.commitTests,
      (changed) => [...newlyFlaky(changed).keys()],
      (doc, changed, id) => {
        const { projectId, job, sha } = changed.after!;
        const { suite, name } = newlyFlaky(changed).get(id)!;
        // Several jobs of one definition, copies of a matrix for example, may tell it of one commit.
        const times = (doc?.times ?? 0) + (doc?.sha === sha ? 0 : 1);
        return { id, projectId, job, suite, name, times, sha, lastSeenAt: changed.event.recordedAt };
      },
    ),
  ],
);

type Vulnerabilities = ReturnType<typeof VulnerabilitiesReported>['data'];

const scanOf = ({ data, recordedAt }: RecordedEvent<string, Vulnerabilities>, id: string): ScanDoc => {
  const { attemptId: _attemptId, attempt: _attempt, ofDefaultBranch: _ofDefaultBranch, ...scan } = data;
  return { id, ...scan, createdAt: recordedAt };
};

/** Scans of the default branch, by which a project is judged. */
export const scansProjection = defineProjection<ScanDoc>(
  COLLECTION.scans,
  ({ id, projectId, createdAt }) => ({ byProject: `${projectId}/${createdAt}/${id}` }),
  [
    when(
      VulnerabilitiesReported,
      ({ attemptId, kind, scanner, ofDefaultBranch }) =>
        ofDefaultBranch ? `${attemptId}/${kind}/${encodeURIComponent(scanner)}` : [],
      (doc, event, id) => doc ?? scanOf(event, id),
    ),
  ],
);
