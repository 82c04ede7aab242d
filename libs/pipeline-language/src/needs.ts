import type { Definition, JobDefinition } from './definition.ts';
import type { NeedEntry } from './keywords/needed-jobs.ts';
import { namedJobs, type NamedJob } from './named-jobs.ts';
import { reportCycles } from './needs-cycle.ts';
import { shorten, type Position } from './node.ts';
import { subject, type Located, type Where } from './read.ts';
import type { Report } from './report.ts';
import { copiesOf, type Selected } from './selected.ts';
import { didYouMean } from './suggest.ts';

/** The jobs that a job waits for and takes artifacts from; which of their copies, is known when there are copies. */
export type Links = {
  /** Nothing when the job waits for the earlier stages. */
  needs?: { job: Selected; entry: NeedEntry }[];
  /** Nothing when it takes the artifacts of all earlier stages. */
  artifactsFrom?: ArtifactSource[];
  /** Jobs of other pipelines whose artifacts it takes. */
  elsewhere?: readonly NeedEntry[];
  /** Whose artifacts the child pipeline is made of that it starts, by their names there. */
  filesFrom?: ReadonlyMap<string, ArtifactSource[]>;
};

/** `copies` are their names, where not all are meant. */
export type ArtifactSource = { job: Selected; copies?: ReadonlySet<string> };

type Context = {
  byName: ReadonlyMap<string, JobDefinition>;
  named: (name: string) => NamedJob | undefined;
  selected: ReadonlyMap<string, readonly Selected[]>;
  stages: readonly string[];
  excludes: string;
  report: Report;
};

/**
 * Resolves `needs` and `dependencies` by name and reports what is missing, left out, too late or circular. `excludes`
 * says for people what jobs may be left out for.
 */
export const linkJobs = (
  definition: Definition,
  selected: readonly Selected[],
  excludes: string,
  report: Report,
): Map<Selected, Links> => {
  const byName = new Map(definition.jobs.map((job) => [job.name, job]));
  const named = namedJobs(byName);
  const context = { byName, named, selected: grouped(selected), stages: definition.stages, excludes, report };
  const links = new Map<Selected, Links>();
  for (const job of definition.jobs) {
    const parts = context.selected.get(job.name) ?? [];
    for (const part of parts) links.set(part, resolve(part.job, true, context));
    if (parts.length === 0) resolve(job, false, context);
  }
  reportCycles(links, report);
  return links;
};

const grouped = (selected: readonly Selected[]): Map<string, Selected[]> => {
  const groups = new Map<string, Selected[]>();
  for (const each of selected) {
    const group = groups.get(each.job.name);
    if (group) group.push(each);
    else groups.set(each.job.name, [each]);
  }
  return groups;
};

const resolve = (job: JobDefinition, isSelected: boolean, context: Context): Links => {
  const needs = resolveNeeds(job, isSelected, context);
  const dependencies = resolveDependencies(job, isSelected, context);
  const filesFrom = resolveFiles(job, isSelected, context);
  const elsewhere = job.settings.needs?.filter(({ of, artifacts }) => of && artifacts) ?? [];
  const files = { ...(filesFrom.size > 0 && { filesFrom }), ...(elsewhere.length > 0 && { elsewhere }) };
  if (!needs) return { ...files, ...(dependencies && { artifactsFrom: dependencies }) };
  const artifactsFrom =
    dependencies ?? needs.filter(({ entry }) => entry.artifacts).map(({ job: needed }) => ({ job: needed }));
  return { ...files, needs, artifactsFrom };
};

const resolveNeeds = (job: JobDefinition, isSelected: boolean, context: Context): Links['needs'] => {
  const entries = job.settings.needs?.filter(({ of }) => !of);
  if (!entries) return undefined;
  const where = subject(context.report, `Job \`${shorten(job.name)}\``);
  const needs: { job: Selected; entry: NeedEntry }[] = [];
  for (const written of latest(entries)) {
    const { job: name, optional, at } = written;
    const { job: needed, copy } = context.named(name) ?? {};
    const parts = (needed && context.selected.get(needed.name)) ?? [];
    const entry = needed && copy !== undefined ? { ...written, job: needed.name, copy } : written;
    if (!needed) {
      if (!optional) missing('needs-missing-job', `${where.label} needs`, { value: name, at }, job, context);
    } else if (isLater(needed, job, context)) {
      const message = `${where.label} needs \`${shorten(name)}\`, which is in the later stage \`${shorten(needed.stage)}\`.`;
      context.report.error('needs-later-stage', at, message, 'Move one of the two jobs to another stage.');
    } else if (parts.length > 0) needs.push(...parts.map((part) => ({ job: part, entry })));
    else if (!optional && isSelected) excluded(where, needed, name, at, context);
  }
  return needs;
};

/** Of entries that name the same job as a whole the last counts; several may name different copies of it. */
const latest = (entries: readonly NeedEntry[]): readonly NeedEntry[] => {
  const whole = new Map(entries.filter(({ copies }) => !copies).map((entry) => [entry.job, entry]));
  return entries.filter((entry) => entry.copies ?? whole.get(entry.job) === entry);
};

/** By what a job is left out. */
const conditionsOf = ({ settings: { rules, only, except } }: JobDefinition): string => {
  const refs = [...(only ? ['`only`'] : []), ...(except ? ['`except`'] : [])];
  return rules || refs.length === 0 ? '`rules`' : refs.join(' and ');
};

const excluded = (
  { label, report }: Where,
  needed: JobDefinition,
  name: string,
  at: Position,
  { excludes }: Context,
): void => {
  const message = `${label} needs \`${shorten(name)}\`, which is not part of the pipeline for ${excludes}.`;
  report.error(
    'needs-missing-job',
    at,
    message,
    `Give both jobs the same ${conditionsOf(needed)}, or write \`{job: ${shorten(name)}, optional: true}\`.`,
  );
};

const missing = (
  code: 'needs-missing-job' | 'dependency-missing-job',
  what: string,
  { value: name, at }: Located<string>,
  asking: JobDefinition,
  { byName, report }: Context,
): void => {
  const others = (): string[] => [...byName.keys()].filter((each) => each !== asking.name);
  const hint = report.full ? undefined : didYouMean(name, others());
  report.error(code, at, `${what} \`${shorten(name)}\`, but the file has no such job.`, hint);
};

const isLater = (other: JobDefinition, job: JobDefinition, { stages }: Context): boolean =>
  stages.includes(job.stage) && stages.indexOf(other.stage) > stages.indexOf(job.stage);

const resolveDependencies = (
  job: JobDefinition,
  isSelected: boolean,
  context: Context,
): ArtifactSource[] | undefined => {
  const entries = job.settings.dependencies;
  if (!entries) return undefined;
  const label = `Job \`${shorten(job.name)}\` takes the artifacts of`;
  const dependencies = new Map<Selected, ReadonlySet<string> | undefined>();
  for (const { value: name, at } of entries) {
    const dependency = context.named(name);
    if (!dependency) missing('dependency-missing-job', label, { value: name, at }, job, context);
    else if (checkOrder(job, dependency, label, at, context)) {
      const parts = (context.selected.get(dependency.job.name) ?? []).filter((part) => has(part, dependency));
      for (const part of parts) dependencies.set(part, withCopy(dependencies, part, dependency));
      if (parts.length === 0 && isSelected) {
        const message = `${label} \`${shorten(name)}\`, which is not part of the pipeline for ${context.excludes}; it goes without.`;
        context.report.warn(
          'dependency-excluded',
          at,
          message,
          `Give both jobs the same ${conditionsOf(dependency.job)}.`,
        );
      }
    }
  }
  return [...dependencies].map(([part, copies]) => ({ job: part, ...(copies && { copies }) }));
};

/** Whose artifacts a child pipeline is made of: those jobs must be there, and have ended. */
const resolveFiles = (job: JobDefinition, isSelected: boolean, context: Context): Map<string, ArtifactSource[]> => {
  const found = new Map<string, ArtifactSource[]>();
  const label = `Job \`${shorten(job.name)}\` starts a pipeline from the artifacts of`;
  for (const { value: name, at } of artifactJobs(job)) {
    const maker = context.named(name);
    if (!maker) missing('dependency-missing-job', label, { value: name, at }, job, context);
    else if (checkOrder(job, maker, label, at, context)) {
      const parts = (context.selected.get(maker.job.name) ?? []).filter((part) => has(part, maker));
      const copies = maker.copy === undefined ? {} : { copies: new Set([maker.copy]) };
      found.set(
        name,
        parts.map((part) => ({ job: part, ...copies })),
      );
      if (parts.length > 0 || !isSelected) continue;
      const message = `${label} \`${shorten(name)}\`, which is not part of the pipeline for ${context.excludes}.`;
      context.report.error(
        'dependency-missing-job',
        at,
        message,
        `Give both jobs the same ${conditionsOf(maker.job)}.`,
      );
    }
  }
  return found;
};

/** The jobs that make files of the pipeline that a job starts. */
export const artifactJobs = ({ settings }: JobDefinition): Located<string>[] => {
  const of = settings.trigger?.of;
  return of?.kind === 'child' ? of.files.flatMap(({ job }) => (job ? [job] : [])) : [];
};

const has = (part: Selected, { copy }: NamedJob): boolean =>
  copy === undefined || copiesOf(part).some(({ name }) => name === copy);

/** Nothing when all copies are meant. */
const withCopy = (
  dependencies: ReadonlyMap<Selected, ReadonlySet<string> | undefined>,
  part: Selected,
  { copy }: NamedJob,
): ReadonlySet<string> | undefined => {
  const others = dependencies.get(part);
  if (copy === undefined || (dependencies.has(part) && !others)) return undefined;
  return new Set([...(others ?? []), copy]);
};

/** Artifacts can only come from a job that has surely ended: one of an earlier stage, or one that is needed. */
const checkOrder = (
  job: JobDefinition,
  { job: other, copy }: NamedJob,
  label: string,
  at: Position,
  context: Context,
): boolean => {
  const { needs } = job.settings;
  const name = shorten(copy ?? other.name);
  if (needs) {
    const own = needs.filter(({ of }) => !of);
    if (own.some((need) => need.job === copy || context.named(need.job)?.job === other)) return true;
    const message = `${label} \`${name}\`, but does not wait for it: it has \`needs\` without that job.`;
    context.report.error('dependency-not-needed', at, message, `Add \`${name}\` to \`needs\`.`);
    return false;
  }
  const before = context.stages.indexOf(other.stage) < context.stages.indexOf(job.stage);
  if (before || !context.stages.includes(job.stage)) return true;
  const which = other.stage === job.stage ? 'the same stage' : `the later stage \`${shorten(other.stage)}\``;
  context.report.error(
    'dependency-later-stage',
    at,
    `${label} \`${name}\`, which is in ${which}.`,
    'Name jobs of earlier stages.',
  );
  return false;
};
