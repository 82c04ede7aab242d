import type { ReportedTest, ScanKind, SeverityCounts } from './reports.ts';

/** Names a test inside a job: its suite, a line feed, its name. Neither has one. */
export type TestKey = string;
export const testKey = ({ suite, name }: ReportedTest): TestKey => `${suite}\n${name}`;
export const testOf = (key: TestKey): ReportedTest => {
  const end = key.indexOf('\n');
  return { suite: key.slice(0, end), name: key.slice(end + 1) };
};

/** What the tests of one job came to at one commit, in whatever pipeline and attempt. */
export type CommitTestsDoc = {
  id: string;
  projectId: string;
  job: string;
  sha: string;
  /** Known to have failed, the newest last. */
  failures: TestKey[];
  /** The newest attempts: what ran, and what of it failed, if that is known whole. */
  runs: { attemptId: string; ran: string; failed: TestKey[]; isWhole: boolean }[];
  /** Failed in one attempt and passed in another. */
  flaky: TestKey[];
};

/** `commitTests` by id. */
export const commitTestsId = (projectId: string, sha: string, place: string): string =>
  `${projectId}/${sha}/${encodeURIComponent(place)}`;

/** A test that has both failed and passed at one commit. */
export type FlakyTestDoc = ReportedTest & {
  id: string;
  projectId: string;
  /** The name of its job in the definition. */
  job: string;
  /** At how many commits. */
  times: number;
  /** The newest of them, and when that turned out, RFC 3339. */
  sha: string;
  lastSeenAt: string;
};

/** What a scanner found, in one attempt of one job of the default branch. */
export type ScanDoc = Scan & { id: string; projectId: string; jobId: string; createdAt: string };

export type Scan = SeverityCounts & {
  kind: ScanKind;
  scanner: string;
  /** The name of its job in the definition, and which job of its commit it is. */
  job: string;
  place: string;
  sha: string;
  pipelineId: string;
  /** The pipeline that the scan belongs to; of a child pipeline its parent. */
  root: string;
  /** When its pipeline was requested, RFC 3339. */
  requestedAt: string;
};
