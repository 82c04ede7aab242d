import { Inject, Injectable } from '@nestjs/common';
import {
  COLLECTION,
  SCAN_KINDS,
  SEVERITIES,
  alertRulesWith,
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
    return securityFigures(
      watch?.scans ?? [],
      alertRulesWith(watch?.overrides ?? []).critical_vulnerabilities.threshold,
    );
  }
}

const securityFigures = (scans: readonly Scan[], allowed: number) => {
  const vulnerabilities = bySeverity((severity) => scans.reduce((sum, scan) => sum + scan[severity], 0));
  return { vulnerabilities, ...coverageOf(scans), compliance: complianceOf(scans, vulnerabilities.critical, allowed) };
};

/** Measured by what S4 asks for: no critical vulnerabilities, or as many as the project's alert rule lets pass. */
const complianceOf = (scans: readonly Scan[], critical: number, allowed: number) => ({
  status:
    scans.length === 0 ? ('unknown' as const) : critical > allowed ? ('violated' as const) : ('compliant' as const),
  critical,
  allowed,
});

const coverageOf = (scans: readonly Scan[]) => ({
  scans: scans.map(({ place: _place, root: _root, ...scan }) => scan),
  coverage: Object.fromEntries(SCAN_KINDS.map((kind) => [kind, scans.some((scan) => scan.kind === kind)])) as Record<
    ScanKind,
    boolean
  >,
});

const bySeverity = (count: (severity: VulnerabilitySeverity) => number): SeverityCounts =>
  Object.fromEntries(SEVERITIES.map((severity) => [severity, count(severity)])) as SeverityCounts;
