import type { Definition, JobDefinition } from './definition.ts';
import type { NeedEntry } from './keywords/needed-jobs.ts';
import { namedJobs, type NamedJob } from './named-jobs.ts';
import { shorten, type Position } from './node.ts';
import { subject, type Where } from './read.ts';
import type { Report } from './report.ts';
import { copiesOf, type Selected } from './selected.ts';
import { didYouMean } from './suggest.ts';

/** The jobs that a job waits for and takes artifacts from; which of their copies, is known when there are copies. */
export type Links = {
  /** Nothing when the job waits for the earlier stages. */
  needs?: { job: Selected; entry: NeedEntry }[];
  /** Nothing when it takes the artifacts of all earlier stages. */
  artifactsFrom?: ArtifactSource[];
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
  if (!needs) return dependencies ? { artifactsFrom: dependencies } : {};
  const artifactsFrom =
    dependencies ?? needs.filter(({ entry }) => entry.artifacts).map(({ job: needed }) => ({ job: needed }));
  return { needs, artifactsFrom };
};

const resolveNeeds = (job: JobDefinition, isSelected: boolean, context: Context): Links['needs'] => {
  const entries = job.settings.needs;
  if (!entries) return undefined;
  const where = subject(context.report, `Job \`${shorten(job.name)}\``);
  const needs: { job: Selected; entry: NeedEntry }[] = [];
  for (const written of latest(entries)) {
    const { job: name, optional, at } = written;
    const { job: needed, copy } = context.named(name) ?? {};
    const parts = (needed && context.selected.get(needed.name)) ?? [];
    const entry = needed && copy !== undefined ? { ...written, job: needed.name, copy } : written;
    if (!needed) {
      if (!optional) missing('needs-missing-job', `${where.label} needs \`${shorten(name)}\``, name, at, context);
    } else if (isLater(needed, job, context)) {
      const message = `${where.label} needs \`${shorten(name)}\`, which is in the later stage \`${shorten(needed.stage)}\`.`;
      context.report.error('needs-later-stage', at, message, 'Move one of the two jobs to another stage.');
    } else if (parts.length > 0) needs.push(...parts.map((part) => ({ job: part, entry })));
    else if (!optional && isSelected) excluded(where, name, at, context);
  }
  return needs;
};

/** Of entries that name the same job as a whole the last counts; several may name different copies of it. */
const latest = (entries: readonly NeedEntry[]): readonly NeedEntry[] => {
  const whole = new Map(entries.filter(({ copies }) => !copies).map((entry) => [entry.job, entry]));
  return entries.filter((entry) => entry.copies ?? whole.get(entry.job) === entry);
};

const excluded = ({ label, report }: Where, name: string, at: Position, { excludes }: Context): void => {
  const message = `${label} needs \`${shorten(name)}\`, which is not part of the pipeline for ${excludes}.`;
  report.error(
    'needs-missing-job',
    at,
    message,
    `Give both jobs the same \`only\`, or write \`{job: ${shorten(name)}, optional: true}\`.`,
  );
};

const missing = (
  code: 'needs-missing-job' | 'dependency-missing-job',
  what: string,
  name: string,
  at: Position,
  { byName, report }: Context,
): void =>
  report.error(
    code,
    at,
    `${what}, but the file has no such job.`,
    report.full ? undefined : didYouMean(name, byName.keys()),
  );

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
    if (!dependency) missing('dependency-missing-job', `${label} \`${shorten(name)}\``, name, at, context);
    else if (checkOrder(job, dependency, label, at, context)) {
      const parts = (context.selected.get(dependency.job.name) ?? []).filter((part) => has(part, dependency));
      for (const part of parts) dependencies.set(part, withCopy(dependencies, part, dependency));
      if (parts.length === 0 && isSelected) {
        const message = `${label} \`${shorten(name)}\`, which is not part of the pipeline for ${context.excludes}; it goes without.`;
        context.report.warn('dependency-excluded', at, message, 'Give both jobs the same `only`.');
      }
    }
  }
  return [...dependencies].map(([part, copies]) => ({ job: part, ...(copies && { copies }) }));
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
    if (needs.some((need) => need.job === copy || context.named(need.job)?.job === other)) return true;
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

type Frame = { job: Selected; next: number };

/** One walk over all edges, without recursion, so that a chain of any length is fine. */
const reportCycles = (links: ReadonlyMap<Selected, Links>, report: Report): void => {
  const done = new Set<Selected>();
  const open = new Set<Selected>();
  for (const start of links.keys()) {
    const path: Frame[] = done.has(start) ? [] : [{ job: start, next: 0 }];
    if (path.length > 0) open.add(start);
    while (path.length > 0) {
      const frame = path.at(-1)!;
      const needed = links.get(frame.job)?.needs?.[frame.next++]?.job;
      if (needed === undefined) {
        done.add(frame.job);
        open.delete(frame.job);
        path.pop();
      } else if (open.has(needed)) reportCycle(path, needed, report);
      else if (!done.has(needed)) {
        open.add(needed);
        path.push({ job: needed, next: 0 });
      }
    }
  }
};

const reportCycle = (path: readonly Frame[], needed: Selected, report: Report): void => {
  const jobs = path.map(({ job }) => job);
  const circle = [...jobs.slice(jobs.indexOf(needed)), needed];
  const shown = circle.length > 8 ? [...circle.slice(0, 7), '…', needed] : circle;
  const names = shown.map((job) => (typeof job === 'string' ? job : `\`${shorten(job.job.name)}\``)).join(' → ');
  const at = needed.job.keywords.get('needs')?.at ?? needed.job.at;
  report.error('needs-cycle', at, `These jobs wait for each other: ${names}.`, 'Take one of them out of `needs`.');
};
