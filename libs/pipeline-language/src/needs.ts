import type { Definition, JobDefinition } from './definition.ts';
import { shorten, type Position } from './node.ts';
import { subject, type Where } from './read.ts';
import type { Report } from './report.ts';
import { didYouMean } from './suggest.ts';

/** The jobs that a job waits for and takes artifacts from, by definition; copies come later. */
export type Links = {
  /** Nothing when the job waits for the earlier stages. */
  needs?: { job: JobDefinition; artifacts: boolean }[];
  /** Nothing when it takes the artifacts of all earlier stages. */
  artifactsFrom?: JobDefinition[];
};

type Context = {
  byName: ReadonlyMap<string, JobDefinition>;
  selected: ReadonlySet<JobDefinition>;
  stages: readonly string[];
  /** False while linting: which jobs a trigger leaves out is not known. */
  excludes: string;
  report: Report;
};

/** Resolves `needs` and `dependencies` by name and reports what is missing, left out, too late or circular. */
export const linkJobs = (
  definition: Definition,
  selected: readonly JobDefinition[],
  excludes: string,
  report: Report,
): Map<JobDefinition, Links> => {
  const byName = new Map(definition.jobs.map((job) => [job.name, job]));
  const context = { byName, selected: new Set(selected), stages: definition.stages, excludes, report };
  const links = new Map<JobDefinition, Links>();
  for (const job of definition.jobs) {
    const resolved = resolve(job, context);
    if (context.selected.has(job)) links.set(job, resolved);
  }
  reportCycles(links, report);
  return links;
};

const resolve = (job: JobDefinition, context: Context): Links => {
  const needs = resolveNeeds(job, context);
  const dependencies = resolveDependencies(job, context);
  if (!needs) return dependencies ? { artifactsFrom: dependencies } : {};
  return { needs, artifactsFrom: dependencies ?? needs.filter(({ artifacts }) => artifacts).map(({ job }) => job) };
};

const resolveNeeds = (job: JobDefinition, context: Context): Links['needs'] => {
  const entries = job.settings.needs;
  if (!entries) return undefined;
  const where = subject(context.report, `Job \`${shorten(job.name)}\``);
  const needs = new Map<JobDefinition, { job: JobDefinition; artifacts: boolean }>();
  for (const { job: name, artifacts, optional, at } of entries) {
    const needed = context.byName.get(name);
    if (!needed) {
      if (!optional) missing('needs-missing-job', `${where.label} needs \`${shorten(name)}\``, name, at, context);
    } else if (isLater(needed, job, context)) {
      const message = `${where.label} needs \`${shorten(name)}\`, which is in the later stage \`${shorten(needed.stage)}\`.`;
      context.report.error('needs-later-stage', at, message, 'Move one of the two jobs to another stage.');
    } else if (context.selected.has(needed)) needs.set(needed, { job: needed, artifacts });
    else if (!optional && context.selected.has(job)) excluded(where, name, at, context);
  }
  return [...needs.values()];
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

const resolveDependencies = (job: JobDefinition, context: Context): JobDefinition[] | undefined => {
  const entries = job.settings.dependencies;
  if (!entries) return undefined;
  const label = `Job \`${shorten(job.name)}\` takes the artifacts of`;
  const dependencies = new Set<JobDefinition>();
  for (const { value: name, at } of entries) {
    const dependency = context.byName.get(name);
    if (!dependency) missing('dependency-missing-job', `${label} \`${shorten(name)}\``, name, at, context);
    else if (checkOrder(job, dependency, label, at, context)) {
      if (context.selected.has(dependency)) dependencies.add(dependency);
      else if (context.selected.has(job)) {
        const message = `${label} \`${shorten(name)}\`, which is not part of the pipeline for ${context.excludes}; it goes without.`;
        context.report.warn('dependency-excluded', at, message, 'Give both jobs the same `only`.');
      }
    }
  }
  return [...dependencies];
};

/** Artifacts can only come from a job that has surely ended: one of an earlier stage, or one that is needed. */
const checkOrder = (
  job: JobDefinition,
  other: JobDefinition,
  label: string,
  at: Position,
  context: Context,
): boolean => {
  const { needs } = job.settings;
  const name = shorten(other.name);
  if (needs) {
    if (needs.some((need) => need.job === other.name)) return true;
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

type Frame = { job: JobDefinition; next: number };

/** One walk over all edges, without recursion, so that a chain of any length is fine. */
const reportCycles = (links: ReadonlyMap<JobDefinition, Links>, report: Report): void => {
  const done = new Set<JobDefinition>();
  const open = new Set<JobDefinition>();
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

const reportCycle = (path: readonly Frame[], needed: JobDefinition, report: Report): void => {
  const jobs = path.map(({ job }) => job);
  const circle = [...jobs.slice(jobs.indexOf(needed)), needed];
  const shown = circle.length > 8 ? [...circle.slice(0, 7), '…', needed] : circle;
  const names = shown.map((job) => (typeof job === 'string' ? job : `\`${shorten(job.name)}\``)).join(' → ');
  const at = needed.keywords.get('needs')?.at ?? needed.at;
  report.error('needs-cycle', at, `These jobs wait for each other: ${names}.`, 'Take one of them out of `needs`.');
};
