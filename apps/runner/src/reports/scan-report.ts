import { NO_FINDINGS, SEVERITIES, type SeverityCounts, type VulnerabilitySeverity } from '@foldline/contracts';
import { boundedJson } from './bounded-json.ts';
import { unreadable } from './report-limits.ts';

/** What one scanner has found. */
export type ScanResult = { scanner: string; counts: SeverityCounts };

/** What a scanner is called that does not say. */
export const NO_SCANNER = 'unknown';
/** By the least score; what has none is nobody's trouble. */
const SCORES: readonly (readonly [number, VulnerabilitySeverity])[] = [
  [9, 'critical'],
  [7, 'high'],
  [4, 'medium'],
  [0.1, 'low'],
  [0, 'info'],
];
const LEVELS: ReadonlyMap<unknown, VulnerabilitySeverity> = new Map([
  ['error', 'high'],
  ['warning', 'medium'],
  ['note', 'low'],
  ['none', 'info'],
]);

type Fields = Readonly<Record<string, unknown>>;
const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** Reads a report of GitLab's format, or a SARIF file, which may tell of several scanners. */
export const readScanReport = (bytes: Uint8Array): ScanResult[] => {
  const report = fieldsOf(boundedJson(bytes));
  if (Array.isArray(report['runs'])) return report['runs'].map((run) => ofRun(fieldsOf(run)));
  if (Array.isArray(report['vulnerabilities'])) return [ofGitlab(report, report['vulnerabilities'])];
  throw unreadable('it is neither a report of a scanner as GitLab has it nor SARIF');
};

const counted = (severities: Iterable<VulnerabilitySeverity>): SeverityCounts => {
  const counts = { ...NO_FINDINGS };
  for (const severity of severities) counts[severity] += 1;
  return counts;
};

const ofGitlab = (report: Fields, vulnerabilities: readonly unknown[]): ScanResult => {
  const { name, id } = fieldsOf(fieldsOf(report['scan'])['scanner']);
  const severities = vulnerabilities.map((each) => {
    const said = textOf(fieldsOf(each)['severity'])?.toLowerCase();
    return SEVERITIES.find((severity) => severity === said) ?? 'unknown';
  });
  return { scanner: textOf(name) ?? textOf(id) ?? NO_SCANNER, counts: counted(severities) };
};

const ofRun = (run: Fields): ScanResult => {
  const driver = fieldsOf(fieldsOf(run['tool'])['driver']);
  const rules = listOf(driver['rules']).map(fieldsOf);
  const byId = new Map(rules.map((rule) => [rule['id'], rule]));
  const ruleOf = ({ ruleIndex, ruleId }: Fields): Fields =>
    (typeof ruleIndex === 'number' ? rules[ruleIndex] : undefined) ?? byId.get(ruleId) ?? {};
  const findings = listOf(run['results']).map(fieldsOf).filter(isFinding);
  const severities = findings.map((result) => severityOf(result, ruleOf(result)));
  return { scanner: textOf(driver['name']) ?? NO_SCANNER, counts: counted(severities) };
};

/** Neither what was looked for in vain, nor what is not there any more, nor what somebody has accepted. */
const isFinding = ({ kind, baselineState, suppressions }: Fields): boolean =>
  (kind === undefined || kind === 'fail') && baselineState !== 'absent' && listOf(suppressions).every(isRefused);

const isRefused = (suppression: unknown): boolean => {
  const { status } = fieldsOf(suppression);
  return status === 'rejected' || status === 'underReview';
};

/** The score of the finding or of its rule; where there is none, the level. A finding without a level is a warning. */
const severityOf = (result: Fields, rule: Fields): VulnerabilitySeverity => {
  const score = scoreOf(result) ?? scoreOf(rule);
  if (score !== undefined) return SCORES.find(([least]) => score >= least)?.[1] ?? 'unknown';
  const level = result['level'] ?? fieldsOf(rule['defaultConfiguration'])['level'] ?? 'warning';
  return LEVELS.get(level) ?? 'unknown';
};

const scoreOf = ({ properties }: Fields): number | undefined => {
  const said = fieldsOf(properties)['security-severity'];
  const score = typeof said === 'string' && said.trim() !== '' ? Number(said) : said;
  return typeof score === 'number' && Number.isFinite(score) ? score : undefined;
};
