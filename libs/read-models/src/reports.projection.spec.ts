import { describe, expect, it } from '@jest/globals';
import {
  COLLECTION,
  commitTestsId,
  JobQueued,
  NO_FINDINGS,
  PipelineStarted,
  REPORT_LISTS,
  TestsReported,
  VulnerabilitiesReported,
  type CommitTestsDoc,
  type FlakyTestDoc,
  type JobDoc,
  type MetricsDoc,
  type NewEvent,
  type ReportedTest,
  type ScanDoc,
} from '@foldline/contracts';
import { DocumentFold } from '@foldline/kernel';
import { sampleContext as context, plannedJob, planOf } from '@foldline/testing';
import * as fc from 'fast-check';
import { documentAfter, history, indexesOf, timeAt } from './history.fixture.ts';
import { READ_MODELS } from './read-models.ts';

type Told = {
  pipelineId?: string;
  attempt?: number;
  failed?: string[];
  passedNow?: string[];
  ran?: string;
  sha?: string;
  place?: string;
};
const named = (names: readonly string[]): ReportedTest[] => names.map((name) => ({ suite: 's', name }));
const reportedBy = ({ pipelineId = 'p1', attempt = 1, sha = 'c1', place = 'unit' }: Told) => {
  const jobId = `${pipelineId}.0`;
  return { attemptId: `${jobId}.${attempt}`, pipelineId, jobId, attempt, projectId: 'pr1', sha, job: 'unit', place };
};
const tests = (told: Told = {}): NewEvent => {
  const { failed = [], passedNow = [], ran = 'a' } = told;
  const counts = { tests: 9, failed: failed.length, errored: 0, skipped: 0, durationMs: 50 };
  const failures = named(failed.slice(0, REPORT_LISTS.failures));
  const slowest = [{ suite: 's', name: 'slow', durationMs: 40 }];
  return TestsReported({
    ...reportedBy(told),
    ...counts,
    ran: ran.repeat(64),
    failures,
    passedNow: named(passedNow),
    slowest,
  });
};
const folded = (...events: NewEvent[]): DocumentFold => {
  const fold = new DocumentFold(READ_MODELS);
  for (const event of history(...events)) fold.apply(event);
  return fold;
};
const flaky = (...events: NewEvent[]): FlakyTestDoc[] =>
  [
    ...folded(...events)
      .documents.get(COLLECTION.flakyTests)!
      .values(),
  ] as FlakyTestDoc[];
const names = (...events: NewEvent[]): string[] => flaky(...events).map(({ name }) => name);

describe('a test is flaky', () => {
  it('when it failed in one attempt and passed in the next', () =>
    expect(flaky(tests({ failed: ['x'] }), tests({ attempt: 2, ran: 'b', passedNow: ['x'] }))).toMatchObject([
      { projectId: 'pr1', job: 'unit', suite: 's', name: 'x', times: 1, sha: 'c1', lastSeenAt: timeAt(2) },
    ]));

  it('when it passed first and failed in another pipeline of the commit, where both have run the same tests', () =>
    expect(names(tests(), tests({ pipelineId: 'p2', failed: ['x'] }))).toEqual(['x']));

  it('when each of two attempts has failed in another test', () =>
    expect(names(tests({ failed: ['x'] }), tests({ attempt: 2, failed: ['y'] })).toSorted()).toEqual(['x', 'y']));

  it('once for a commit at which several copies of its job tell it', () => {
    const [one, other] = ['unit: [a]', 'unit: [b]'].map((place) => [
      tests({ place, failed: ['x'] }),
      tests({ place, attempt: 2 }),
    ]);
    expect(flaky(...one!, ...other!)).toMatchObject([{ name: 'x', times: 1, sha: 'c1' }]);
  });

  it('once for each commit', () => {
    const [first, second] = ['c1', 'c2'].map((sha, n) => [
      tests({ sha, pipelineId: `p${n}`, failed: ['x'] }),
      tests({ sha, pipelineId: `p${n}`, attempt: 2 }),
      tests({ sha, pipelineId: `p${n}`, attempt: 3, failed: ['x'] }),
    ]);
    expect(flaky(...first!, ...second!)).toMatchObject([{ name: 'x', times: 2, sha: 'c2', lastSeenAt: timeAt(5) }]);
  });
});

describe('a test is not flaky', () => {
  it.each<[string, NewEvent[]]>([
    ['when it failed each time', [tests({ failed: ['x'] }), tests({ attempt: 2, failed: ['x'] })]],
    ['when it is not there any more', [tests({ failed: ['x'] }), tests({ attempt: 2, ran: 'b' })]],
    ['when it passed at another commit', [tests({ failed: ['x'] }), tests({ pipelineId: 'p2', sha: 'c2' })]],
    ['when it passed in another job', [tests({ failed: ['x'] }), tests({ pipelineId: 'p2', place: 'unit 2/2' })]],
    ['when somebody says so of a test that never failed', [tests(), tests({ attempt: 2, ran: 'b', passedNow: ['x'] })]],
    [
      'when so many failed that it may be among those that are not named',
      [
        tests({ failed: ['x'] }),
        tests({ attempt: 2, failed: Array.from({ length: REPORT_LISTS.failures + 1 }, (_, n) => `t${n}`) }),
      ],
    ],
  ])('%s', (_when, events) => expect(names(...events)).not.toContain('x'));
});

describe('what is known of the tests of a commit', () => {
  it('does not grow with the number of attempts', () => {
    const events = Array.from({ length: 30 }, (_, n) =>
      tests({ attempt: n + 1, failed: Array.from({ length: 20 }, (_, t) => `t${n}.${t}`) }),
    );
    const doc = documentAfter<CommitTestsDoc>(COLLECTION.commitTests, commitTestsId('pr1', 'c1', 'unit'), ...events)!;
    expect([doc.failures.length, doc.runs.length]).toEqual([REPORT_LISTS.failures, 10]);
    expect(doc.flaky.length).toBeLessThanOrEqual(200);
  });

  it('is the same when each fact is told twice', () =>
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ attempt: fc.integer({ min: 1, max: 4 }), failed: fc.uniqueArray(fc.constantFrom('x', 'y')) }),
        ),
        (attempts) => {
          const events = attempts.map((told) =>
            tests({ ...told, passedNow: (['x', 'y'] as const).filter((t) => !told.failed.includes(t)) }),
          );
          const docsOf = (...all: NewEvent[]) => flaky(...all).map(({ lastSeenAt: _lastSeenAt, ...doc }) => doc);
          expect(docsOf(...events.flatMap((event) => [event, event]))).toEqual(docsOf(...events));
        },
      ),
    ));
});

const started = [
  PipelineStarted({ pipelineId: 'p1', context, plan: planOf(plannedJob(0, 'unit')) }),
  JobQueued({
    pipelineId: 'p1',
    jobId: 'p1.0',
    attempt: 1,
    priority: 5,
    because: { rule: 'r', detail: 'd', jobs: [] },
  }),
];
const again = JobQueued({ ...(started[1]!.data as ReturnType<typeof JobQueued>['data']), attempt: 2 });
const scan = (more: { attempt?: number; critical?: number; ofDefaultBranch?: true; scanner?: string } = {}) => {
  const { attempt = 1, critical = 1, scanner = 'Semgrep', ...rest } = more;
  const counts = { ...NO_FINDINGS, critical };
  const inTime = { root: 'p1', requestedAt: timeAt(0) };
  return VulnerabilitiesReported({ ...reportedBy({ attempt }), kind: 'sast', scanner, ...counts, ...inTime, ...rest });
};
const job = (...events: NewEvent[]): JobDoc => documentAfter<JobDoc>(COLLECTION.jobs, 'p1.0', ...started, ...events)!;

describe('a job', () => {
  it('shows what the reports of its attempt say, as often as they are told', () => {
    const shown = job(tests({ failed: ['x'] }), tests({ failed: ['x'] }), scan(), scan(), scan({ scanner: 'CodeQL' }));
    expect(shown.tests).toEqual({ tests: 9, failed: 1, errored: 0, skipped: 0, durationMs: 50 });
    expect(shown.scans).toMatchObject([{ scanner: 'Semgrep', critical: 1 }, { scanner: 'CodeQL' }]);
  });

  it('shows nothing of them in its next attempt, whenever they are told', () => {
    const shown = job(tests(), scan(), again, tests(), scan());
    expect([shown.tests, shown.scans]).toEqual([undefined, undefined]);
  });
});

describe('what is measured of tests', () => {
  it('is what every report said, once', () => {
    const events = [...started, tests({ failed: ['x'] }), tests({ failed: ['x'] }), again, tests({ attempt: 2 })];
    expect(documentAfter<MetricsDoc>(COLLECTION.metrics, 'pr1/2030-01-01T00', ...events)!.tests).toEqual({
      reports: 2,
      tests: 18,
      failed: 1,
      errored: 0,
      skipped: 0,
      durationMs: 100,
      slowest: [{ job: 'unit', suite: 's', name: 'slow', durationMs: 40 }],
    });
  });
});

describe('a scan', () => {
  const id = 'p1.0.1/sast/Semgrep';
  it('is kept where it is of the default branch, once', () => {
    const events = [scan({ ofDefaultBranch: true }), scan({ ofDefaultBranch: true })];
    const doc = documentAfter<ScanDoc>(COLLECTION.scans, id, ...events)!;
    expect(doc).toMatchObject({ scanner: 'Semgrep', critical: 1, pipelineId: 'p1', createdAt: timeAt(1) });
    expect(indexesOf(COLLECTION.scans, doc)).toEqual({ byProject: `pr1/${timeAt(1)}/${id}` });
    expect(documentAfter(COLLECTION.scans, id, scan())).toBeUndefined();
  });
});
