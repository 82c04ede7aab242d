import {
  COLLECTION,
  NO_FINDINGS,
  REPORT_LISTS,
  SCAN_KINDS,
  SEVERITIES,
  TestsReported,
  VulnerabilitiesReported,
  commitTestsId,
  parseJobId,
  testOf,
  type CommitTestsDoc,
  type ReadReport,
  type ReportedTest,
  type ScanKind,
  type SeverityCounts,
} from '@foldline/contracts';
import type { JobScene } from '../execution/job-scene.ts';
import type { JobReads } from '../storage/patient-stores.ts';
import { countTests } from './count-tests.ts';
import { JunitReader, type TestCase } from './junit.ts';
import { ReportFiles } from './report-files.ts';
import { REPORT_LIMITS, shownName } from './report-limits.ts';
import { NO_SCANNER, readScanReport } from './scan-report.ts';

const reportsOf = ({ assignment }: JobScene): Partial<Record<ReadReport, string[]>> =>
  assignment.job.artifacts?.readReports ?? {};

export const hasReports = (scene: JobScene): boolean => Object.keys(reportsOf(scene)).length > 0;

/**
 * Records what the reports of a job say, however the job has ended. Nothing about them fails the job: what cannot be read
 * is told in its log.
 */
export const readReports = async (scene: JobScene, reads: Pick<JobReads, 'get'>): Promise<void> => {
  const files = new ReportFiles(scene);
  const { junit, ...scans } = reportsOf(scene);
  if (junit) await readTests(scene, junit, { files, reads });
  for (const kind of SCAN_KINDS) if (scans[kind]) await readScans(scene, kind, scans[kind], files);
};

/** What all reports of an attempt tell about it. */
const reportedBy = ({ about, assignment }: JobScene) => {
  const { project, sha, upstream } = assignment.context;
  const { name, definition } = assignment.job;
  const above = upstream?.pipelineId === rootOf(assignment.context) ? parseJobId(upstream.jobId) : undefined;
  return {
    ...about,
    projectId: project.id,
    sha,
    job: definition,
    place: above ? `${above.index}/${name}` : name,
  };
};

type Context = JobScene['assignment']['context'];

/** A child pipeline is a part of its parent, at the same commit; one of another project is not. */
const rootOf = ({ pipelineId, source, upstream }: Context): string =>
  source === 'parent_pipeline' && upstream ? upstream.pipelineId : pipelineId;

type Sources = { files: ReportFiles; reads: Pick<JobReads, 'get'> };

const readTests = async (scene: JobScene, patterns: readonly string[], { files, reads }: Sources): Promise<void> => {
  const cases: TestCase[] = [];
  let read = 0;
  await files.each(patterns, async (chunks) => {
    const reader = new JunitReader(REPORT_LIMITS.cases - cases.length, (name) => shownName(name, scene.hide));
    for await (const chunk of chunks) reader.push(chunk);
    for (const each of reader.end()) cases.push(each);
    read += 1;
  });
  if (read === 0) return;
  const counted = countTests(cases, await failedBefore(scene, reads));
  scene.record(TestsReported({ ...reportedBy(scene), ...counted }));
  const { tests, failed, errored, skipped } = counted;
  scene.tell(`Counted ${tests} tests: ${failed} failed, ${errored} broke off, ${skipped} were skipped`);
};

/** The tests of this job that have failed at its commit. Who does not know tells of no test that it has passed now. */
const failedBefore = async (scene: JobScene, reads: Pick<JobReads, 'get'>): Promise<ReportedTest[]> => {
  const { projectId, sha, place } = reportedBy(scene);
  try {
    const known = await reads.get<CommitTestsDoc>(COLLECTION.commitTests, commitTestsId(projectId, sha, place));
    return known?.failures.map(testOf) ?? [];
  } catch {
    scene.warn('it is not known now which tests have failed before at this commit');
    return [];
  }
};

const readScans = async (
  scene: JobScene,
  kind: ScanKind,
  patterns: readonly string[],
  files: ReportFiles,
): Promise<void> => {
  const found = new Map<string, SeverityCounts>();
  await files.each(patterns, async (chunks) => {
    for (const { scanner, counts } of readScanReport(await wholeOf(chunks))) {
      const name = shownName(scanner, scene.hide) || NO_SCANNER;
      found.set(name, added(found.get(name) ?? NO_FINDINGS, counts));
    }
  });
  const scanners = [...found].slice(0, REPORT_LISTS.scanners);
  if (scanners.length < found.size) scene.warn(`only the first ${REPORT_LISTS.scanners} scanners are counted`);
  for (const [scanner, counts] of scanners) {
    scene.record(VulnerabilitiesReported({ ...reportedBy(scene), kind, scanner, ...counts, ...inTime(scene) }));
    scene.tell(`Counted what ${scanner} found: ${SEVERITIES.map((name) => `${counts[name]} ${name}`).join(', ')}`);
  }
};

const inTime = ({ assignment: { context } }: JobScene) => {
  const { ref, project, createdAt = '' } = context;
  const isOfDefaultBranch = ref.kind === 'branch' && ref.name === project.defaultBranch;
  return {
    root: rootOf(context),
    requestedAt: createdAt,
    ...(isOfDefaultBranch ? { ofDefaultBranch: true as const } : {}),
  };
};

const wholeOf = async (chunks: AsyncIterable<Buffer>): Promise<Buffer> => {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
};

const added = (one: SeverityCounts, other: SeverityCounts): SeverityCounts => {
  const sum = { ...one };
  for (const severity of SEVERITIES) sum[severity] += other[severity];
  return sum;
};
