import { Inject, Injectable } from '@nestjs/common';
import {
  COLLECTION,
  SCAN_KINDS,
  SEVERITIES,
  type AlertWatchDoc,
  type FlakyTestDoc,
  type Scan,
  type ScanKind,
  type SeverityCounts,
  type VulnerabilitySeverity,
} from '@foldline/contracts';
import { PORT, type ReadStore } from '@foldline/kernel';

/** Flaky tests that an answer has, those that were seen last. */
const SHOWN_TESTS = 100;

/** What reports of tests and of scanners have told about a project. */
@Injectable()
export class ReportQueries {
  constructor(@Inject(PORT.readStore) private readonly reads: ReadStore) {}

  /** Tests that turned out to be flaky since then, RFC 3339; `times` counts from the beginning. */
  async flakyTests(projectId: string, from: string) {
    const newest = { index: 'byProject', prefix: `${projectId}/`, reverse: true, limit: SHOWN_TESTS };
    const { items } = await this.reads.query<FlakyTestDoc>(COLLECTION.flakyTests, newest);
    return items
      .filter(({ lastSeenAt }) => lastSeenAt >= from)
      .map(({ id: _id, projectId: _projectId, ...test }) => test);
  }

  /** What the newest scans of the default branch have found, whenever they were: the alert rule looks at the same. */
  async security(projectId: string) {
    const watch = await this.reads.get<AlertWatchDoc>(COLLECTION.alertWatches, projectId);
    return securityFigures(watch?.scans ?? []);
  }
}

const securityFigures = (scans: readonly Scan[]) => ({
  vulnerabilities: bySeverity((severity) => scans.reduce((sum, scan) => sum + scan[severity], 0)),
  scans: scans.map(({ place: _place, root: _root, ...scan }) => scan),
  coverage: Object.fromEntries(SCAN_KINDS.map((kind) => [kind, scans.some((scan) => scan.kind === kind)])) as Record<
    ScanKind,
    boolean
  >,
});

const bySeverity = (count: (severity: VulnerabilitySeverity) => number): SeverityCounts =>
  Object.fromEntries(SEVERITIES.map((severity) => [severity, count(severity)])) as SeverityCounts;
