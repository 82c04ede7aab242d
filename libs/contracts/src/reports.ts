/** Kinds of scan, as GitLab names them under `artifacts: reports`. */
export const SCAN_KINDS = ['sast', 'dependency_scanning', 'container_scanning', 'secret_detection', 'dast'] as const;
export type ScanKind = (typeof SCAN_KINDS)[number];

/** Reports that the runner reads; all others are files for people alone. */
export const READ_REPORTS = ['junit', ...SCAN_KINDS] as const;
export type ReadReport = (typeof READ_REPORTS)[number];

/** The worst first. */
export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info', 'unknown'] as const;
export type VulnerabilitySeverity = (typeof SEVERITIES)[number];
export type SeverityCounts = Record<VulnerabilitySeverity, number>;
export const NO_FINDINGS: SeverityCounts = { critical: 0, high: 0, medium: 0, low: 0, info: 0, unknown: 0 };

/** `suite` is the class, or what else groups tests; empty where the report says nothing. */
export type ReportedTest = { suite: string; name: string };
export type SlowTest = ReportedTest & { durationMs: number };

/** Cases of a report, each counted once: those that passed are what is left. Of all their durations the sum. */
export type TestCounts = { tests: number; failed: number; errored: number; skipped: number; durationMs: number };

/** What an event about reports has at most; of more the first. */
export const REPORT_LISTS = { failures: 100, slowest: 5, scanners: 20 } as const;
