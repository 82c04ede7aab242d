import { READ_REPORTS, type ArtifactSpec, type ReadReport } from '@foldline/contracts';
import { anyOf, mapOf, NOTHING } from '../grammar/json-schema.ts';
import { present } from '../grammar/present.ts';
import { record, type Gap } from '../grammar/record.ts';
import { boolean, choice, mapped, orMap, shape, text, type Shape } from '../grammar/shape.ts';
import { isNothing, type Node } from '../node.ts';
import { inside, readMap, type Where } from '../read.ts';
import { patterns } from './paths.ts';
import { durationOrNever } from './timing.ts';
import { outcome } from './when.ts';

type Outcome = ArtifactSpec['when'];
/** The files of reports for people, those of them that are read, and those that hand variables on to later jobs. */
type Reports = { paths: string[]; read: NonNullable<ArtifactSpec['readReports']>; dotenv: string[] };

const isRead = (type: string): type is ReadReport => (READ_REPORTS as readonly string[]).includes(type);

const coverageReport = record<{ coverage_format: string; path: string[] }>({
  coverage_format: {
    shape: choice(['cobertura', 'jacoco']),
    description: 'The format of the file.',
    example: 'cobertura',
    beside: { path: 'coverage.xml' },
  },
  path: { shape: patterns, description: 'The file.', example: 'coverage/cobertura.xml' },
});

/** A list of paths as in the seed, or GitLab's map of report types (C16); what a report is, its content tells. */
const reportsOfTypes = (node: Node, where: Where): Reports => {
  const reports: Reports = { paths: [], read: {}, dotenv: [] };
  for (const { key, value } of readMap(node, where)?.values() ?? []) {
    if (isNothing(value)) continue;
    const at = inside(where, key);
    const paths = key === 'coverage_report' ? coverageReport.read(value, at)?.path : patterns.read(value, at);
    if (isRead(key) && paths) reports.read[key] = paths;
    reports[key === 'dotenv' ? 'dotenv' : 'paths'].push(...(paths ?? []));
  }
  return reports;
};

const scan = (what: string, example: string) => ({
  shape: patterns,
  description: `${what}, as GitLab or SARIF writes it; counted by severity in the statistics of the project.`,
  example,
});

/** Those of which more is known than that people want to see them; every other type is written like `junit`. */
const known = record<Record<ReadReport, string[]> & { dotenv: string[]; coverage_report: unknown }>({
  junit: {
    shape: patterns,
    description:
      'Results of tests, counted in the statistics of the project. Every other type that GitLab knows is written in the ' +
      'same way.',
    example: 'reports/*.xml',
  },
  sast: scan('What a scanner found in the sources', 'gl-sast-report.json'),
  dependency_scanning: scan('What a scanner found in dependencies', 'gl-dependency-scanning-report.json'),
  container_scanning: scan('What a scanner found in images', 'gl-container-scanning-report.json'),
  secret_detection: scan('What a scanner for secrets found', 'gl-secret-detection-report.json'),
  dast: scan('What a scanner found in the running system', 'gl-dast-report.json'),
  dotenv: {
    shape: patterns,
    description: 'Files of lines `NAME=value`, which become variables of later jobs.',
    example: 'build.env',
  },
  coverage_report: {
    shape: coverageReport,
    description: 'Which lines the tests reached.',
    example: { coverage_format: 'cobertura', path: 'coverage/cobertura.xml' },
  },
});

const reports: Shape<Reports> = orMap(
  mapped(patterns, (paths): Reports => ({ paths, read: {}, dotenv: [] })),
  shape(reportsOfTypes, { ...known.schema, ...mapOf(anyOf(patterns.schema, NOTHING)) }, known.inner),
);

const access: Gap = { why: 'whoever may see the project may see its artifacts' };

/** `artifacts:` of a job (seed S0-30 … S0-35). */
export const artifacts: Shape<ArtifactSpec> = mapped(
  record<{
    name: string;
    paths: string[];
    exclude: string[];
    expire_in: number;
    when: Outcome;
    reports: Reports;
    untracked: boolean;
    expose_as: string;
    public: boolean;
    access: string;
  }>({
    name: {
      shape: text,
      description: 'What people see. Everything but letters, digits and `._-` becomes a hyphen.',
      default: 'artifacts',
      example: 'build-$CI_COMMIT_REF_SLUG',
    },
    paths: {
      shape: patterns,
      description: 'What to keep. A pattern that matches nothing is a warning in the log.',
      example: ['dist/', '**/*.log'],
    },
    exclude: { shape: patterns, description: 'What to leave out of `paths` and `reports`.', example: ['**/*.tmp'] },
    expire_in: {
      shape: durationOrNever,
      description: 'How long they are kept, or `never`.',
      default: '30 days',
      example: '1 week',
    },
    when: {
      shape: outcome,
      description: 'After which result they are kept.',
      default: 'on_success',
      example: 'always',
    },
    reports: {
      shape: reports,
      description:
        'Files for people, by type or as a list; kept as a second artifact. `dotenv` hands variables on to later jobs.',
      example: { junit: 'reports/*.xml' },
    },
    untracked: {
      shape: boolean,
      description: 'Whether everything that git does not track is kept, too.',
      default: false,
      example: true,
      planned: { why: 'only `paths` are kept' },
    },
    expose_as: {
      shape: text,
      description: 'Under which name a merge request links to them.',
      example: 'the report',
      planned: { why: 'there are no merge requests' },
    },
    public: {
      shape: boolean,
      description: 'Whether people outside of the project may see them.',
      default: true,
      example: false,
      planned: access,
    },
    access: {
      shape: choice(['all', 'developer', 'maintainer', 'none']),
      description: 'Who may see them.',
      default: 'all',
      example: 'developer',
      planned: access,
    },
  }),
  ({ name, paths = [], exclude = [], expire_in: expiry, when = 'on_success', reports }) => ({
    ...present('name', name),
    paths,
    exclude,
    ...(expiry === Infinity ? { neverExpires: true as const } : present('expireInSeconds', expiry)),
    when,
    reports: reports?.paths ?? [],
    ...present('readReports', reports && Object.keys(reports.read).length > 0 ? reports.read : undefined),
    ...present('dotenv', reports && reports.dotenv.length > 0 ? reports.dotenv : undefined),
  }),
);
