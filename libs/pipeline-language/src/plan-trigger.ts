import type { ChildPipeline, PlannedTrigger, ProjectPipeline } from '@foldline/contracts';
import type { JobDefinition } from './definition.ts';
import { placeOfTrigger } from './downstream-bounds.ts';
import { jsonOf } from './grammar/json-value.ts';
import { present } from './grammar/present.ts';
import type { Include } from './keywords/include.ts';
import type { TriggerSetting } from './keywords/trigger.ts';
import { shorten } from './node.ts';
import {
  filledIn,
  hasVariables,
  isPattern,
  placeOf,
  projectName,
  refuseProject,
  type Target,
} from './place-of-include.ts';
import { inside, subject, type Where } from './read.ts';
import type { Report } from './report.ts';
import type { RepositoryFacts } from './repository-facts.ts';
import { reportMissingFile } from './included-files.ts';

type Fill = (text: string) => string;
const asWritten: Fill = (text) => text;

/** What a job starts, with its texts as they are written. */
export const plannedTrigger = (
  job: JobDefinition,
  artifactsFrom: Readonly<Record<string, number[]>>,
): PlannedTrigger | undefined => {
  const { trigger } = job.settings;
  if (!trigger) return undefined;
  const { strategy, forward, inputs } = trigger;
  const { line, column, file } = placeOfTrigger(job);
  const from = Object.keys(artifactsFrom).length > 0 && { artifactsFrom };
  const of = startedBy(trigger, asWritten);
  return {
    of: of.kind === 'child' ? { ...of, ...from, line, column, ...present('file', file) } : of,
    ...present('strategy', strategy),
    forward,
    ...(inputs && { inputs: jsonOf(inputs) as Record<string, unknown> }),
  };
};

/** The same as one copy of the job starts it. */
export const filledTrigger = (planned: PlannedTrigger, setting: TriggerSetting, fill: Fill): PlannedTrigger => ({
  ...planned,
  of: { ...planned.of, ...startedBy(setting, fill) } as PlannedTrigger['of'],
});

const startedBy = ({ of }: TriggerSetting, fill: Fill): Pick<ChildPipeline, 'kind' | 'include'> | ProjectPipeline => {
  if (of.kind === 'child') return { kind: 'child', include: of.files.map((file) => includeOf(file, fill)) };
  const project = fill(of.project.value);
  return {
    kind: 'project',
    project: projectName(project) ?? project,
    ...(of.branch && { branch: fill(of.branch.value) }),
  };
};

/** In the form of `include`. */
export const includeOf = ({ targets, integrity, inputs }: Include, fill: Fill): Record<string, unknown> => ({
  ...writtenOf(targets.map(({ value }) => filledIn(value, fill))),
  ...(integrity !== undefined && { integrity: `sha256-${integrity}` }),
  ...(inputs && { inputs: jsonOf(inputs) }),
});

/** Only of a project may there be several files in one item. */
const writtenOf = (targets: readonly Target[]): Record<string, unknown> => {
  const target = targets[0]!;
  if (target.kind === 'local') return { local: target.path };
  if (target.kind === 'remote') return { remote: target.url };
  if (target.kind === 'component') return { component: target.reference };
  if (target.kind === 'artifact') return { artifact: target.path, job: target.job };
  const { project, ref } = target;
  const files = targets.flatMap((each) => ('path' in each ? [each.path] : []));
  return { project, ...present('ref', ref), file: files.length === 1 ? files[0] : files };
};

/** Without a repository it is not known which files there are. */
type Surroundings = { report: Report; repository: RepositoryFacts | undefined };

/** Reports what the texts of a trigger come to and cannot be. Those whose variables are not known are let be. */
export const checkStarted = (job: JobDefinition, fill: Fill, { report, repository }: Surroundings): void => {
  const { trigger } = job.settings;
  if (!trigger) return;
  const where = inside(subject(report, `Job \`${shorten(job.name)}\``), 'trigger');
  if (trigger.of.kind === 'project') return checkProject(trigger.of, fill, where);
  for (const { value, at } of trigger.of.files.flatMap(({ targets }) => targets)) {
    const target = filledIn(value, fill);
    const place = hasVariables(target) ? undefined : placeOf(target, at, inside(where, 'include'));
    if (place?.kind !== 'local' || isPattern(place.path) || repository?.has(place.path) !== false) continue;
    reportMissingFile({ value: place.path, at }, { sources: repository.sources, report, isOptional: false });
  }
};

const checkProject = (
  { project, branch }: Extract<TriggerSetting['of'], { kind: 'project' }>,
  fill: Fill,
  where: Where,
): void => {
  const name = fill(project.value);
  if (!name.includes('$') && projectName(name) === undefined) refuseProject(name, project.at, where);
  if (!branch || fill(branch.value) !== '') return;
  const message = `${inside(where, 'branch').label} is \`${shorten(branch.value)}\`, which comes to nothing.`;
  where.report.error(
    'invalid-value',
    branch.at,
    message,
    'Give the variable a value, or remove it: there is a default branch.',
  );
};
