import type { Plan, PlanDecision, PlannedJob, PlannedTrigger } from '@foldline/contracts';
import { printable } from '../printable.ts';
import { counted } from './problem-text.ts';

/** The jobs stage by stage, and why each job of the file is, or is not, among them. */
export const planOf = (plan: Plan, trigger: string): string[] => [
  `${printable(plan.file)} for ${printable(trigger)}: ${counted(plan.jobs.length, 'job')}`,
  '',
  ...columns(plan.jobs.map(rowOf)),
  ...(plan.jobs.length > 0 ? [''] : []),
  ...columns(plan.decisions.filter(({ rule }) => rule !== 'template').map(decisionOf)),
];

const rowOf = (job: PlannedJob, index: number, jobs: readonly PlannedJob[]): string[] => {
  const isFirst = jobs[index - 1]?.stage !== job.stage;
  const remarks = [
    ...(job.when === 'on_success' ? [] : [job.when]),
    ...(job.allowFailure ? ['may fail'] : []),
    ...(job.trigger ? [`starts ${startedBy(job.trigger)}`] : []),
    ...(job.waitsFor === 'stages' ? [] : [waitsFor(job.waitsFor.map((need) => jobs[need.job]!.name))]),
  ];
  return [isFirst ? job.stage : '', job.name, remarks.join(', ')];
};

const startedBy = ({ of }: PlannedTrigger): string => {
  if (of.kind === 'project') return of.branch === undefined ? of.project : `${of.project} at ${of.branch}`;
  const files = of.include.flatMap(({ local, remote, component, artifact, file }) =>
    [local ?? remote ?? component ?? artifact ?? file].flat(),
  );
  return `a child of ${namesOf(files.map(String))}`;
};

/** A job of another pipeline is waited for by nobody: what it has kept is taken as it is. */
const waitsFor = (names: readonly string[]): string =>
  names.length === 0 ? 'starts at once' : `needs ${namesOf(names)}`;

const MOST_NAMES = 5;
const namesOf = (names: readonly string[]): string => {
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  return names.slice(0, MOST_NAMES).join(', ') + more;
};

const decisionOf = ({ definition, created, rule, because }: PlanDecision): string[] => [
  created ? 'planned' : 'left out',
  definition,
  rule,
  because,
];

const columns = (rows: readonly string[][]): string[] => {
  const shown = rows.map((row) => row.map((cell) => printable(cell.replaceAll('\n', ' '))));
  const widths = (shown[0] ?? []).map((_, column) => Math.max(...shown.map((row) => row[column]!.length)));
  return shown.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
};
