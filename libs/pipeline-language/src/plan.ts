import type { PlannedJob, PlannedStep } from '@foldline/contracts';
import type { Definition, JobDefinition } from './definition.ts';
import { copyCount, expandCopies, type Copy } from './expand-matrix.ts';
import { present } from './keywords/runner.ts';
import { limits } from './limits.ts';
import type { Links } from './needs.ts';
import { shorten } from './node.ts';
import type { Report } from './report.ts';

const defaultTimeoutSeconds = 3600;
const defaultPriority = 5;

/** Where the copies of each definition stand in `Plan.jobs`. */
type Ranges = ReadonlyMap<JobDefinition, { first: number; count: number }>;

/** The plan's jobs: stage by stage, within a stage in the order of the file, copies beside each other. */
export const planJobs = (
  definition: Definition,
  links: ReadonlyMap<JobDefinition, Links>,
  report: Report,
): PlannedJob[] => {
  const position = new Map(definition.stages.map((stage, index) => [stage, index]));
  const selected = [...links.keys()].toSorted((a, b) => position.get(a.stage)! - position.get(b.stage)!);
  const ranges = place(selected);
  if (!withinCounts(links, ranges, report)) return [];
  const jobs: PlannedJob[] = [];
  let bytes = 0;
  for (const job of selected) {
    const template = planTemplate(job, links.get(job)!, ranges);
    bytes += JSON.stringify(template).length * ranges.get(job)!.count;
    if (bytes > limits.planBytes) {
      report.error(
        'plan-too-large',
        job.at,
        `The plan is larger than ${limits.planBytes} bytes at job \`${shorten(job.name)}\`.`,
      );
      return [];
    }
    const names = expandCopies(job.name, job.settings);
    for (const copy of names) jobs.push(planCopy(template, copy, jobs.length));
  }
  reportSameNames(jobs, definition, report);
  return jobs;
};

const place = (selected: readonly JobDefinition[]): Ranges => {
  const ranges = new Map<JobDefinition, { first: number; count: number }>();
  let first = 0;
  for (const job of selected) {
    const count = copyCount(job.settings);
    ranges.set(job, { first, count });
    first += count;
  }
  return ranges;
};

/** Counts jobs and edges by multiplication, before anything is made. */
const withinCounts = (links: ReadonlyMap<JobDefinition, Links>, ranges: Ranges, report: Report): boolean => {
  let jobs = 0;
  let edges = 0;
  const size = (job: JobDefinition): number => ranges.get(job)!.count;
  for (const [job, { needs = [], artifactsFrom = [] }] of links) {
    jobs += size(job);
    const others = [...needs.map(({ job }) => job), ...artifactsFrom];
    edges += size(job) * others.reduce((sum, other) => sum + size(other), 0);
    if (jobs > limits.jobs) {
      report.error(
        'too-many-jobs',
        job.at,
        `The pipeline has more than ${limits.jobs} jobs at job \`${shorten(job.name)}\`.`,
      );
      return false;
    }
    if (edges > limits.edges) {
      const message = `The jobs name each other more than ${limits.edges} times, copies counted, at job \`${shorten(job.name)}\`.`;
      report.error('too-many-needs', job.at, message, 'Let one job collect, and the others need that one.');
      return false;
    }
  }
  return true;
};

const indexesOf = (job: JobDefinition, ranges: Ranges): number[] => {
  const { first, count } = ranges.get(job)!;
  return Array.from({ length: count }, (_, offset) => first + offset);
};

type Template = Omit<PlannedJob, 'index' | 'name' | 'matrix' | 'node'>;

const planTemplate = (job: JobDefinition, { needs, artifactsFrom }: Links, ranges: Ranges): Template => {
  const { settings } = job;
  const when = settings.when ?? 'on_success';
  const waitsFor = needs?.flatMap(({ job, artifacts }) =>
    indexesOf(job, ranges).map((index) => ({ job: index, artifacts })),
  );
  const { artifacts } = settings;
  return {
    definition: job.name,
    stage: job.stage,
    waitsFor: waitsFor ?? 'stages',
    artifactsFrom: artifactsFrom?.flatMap((other) => indexesOf(other, ranges)) ?? 'earlier-stages',
    when,
    // A manual job nobody starts must not hold up the pipeline, unless its author says so (as in GitLab).
    allowFailure: settings.allow_failure ?? when === 'manual',
    runner: { ...present('cluster', settings.cluster), ...settings.resources },
    ...present('image', settings.image),
    services: settings.services ?? [],
    variables: settings.variables ?? {},
    secrets: settings.secrets ?? {},
    steps: planSteps(job),
    ...present('artifacts', artifacts && artifacts.paths.length + artifacts.reports.length > 0 ? artifacts : undefined),
    cache: settings.cache ?? [],
    ...present('coverage', settings.coverage),
    retry: settings.retry ?? { max: 0, when: ['always'] },
    timeoutSeconds: settings.timeout ?? defaultTimeoutSeconds,
    interruptible: settings.interruptible ?? false,
    priority: settings.priority ?? defaultPriority,
    ...present('environment', settings.environment),
  };
};

const planSteps = ({ settings }: JobDefinition): PlannedStep[] => {
  const commands = (key: 'before_script' | 'script' | 'after_script') =>
    (settings[key] ?? []).map(({ value }) => value);
  const after = commands('after_script');
  const script: PlannedStep = {
    name: 'script',
    kind: 'shell',
    commands: [...commands('before_script'), ...commands('script')],
  };
  return after.length === 0 ? [script] : [script, { name: 'after_script', kind: 'shell', commands: after }];
};

const planCopy = (template: Template, { name, node, matrix }: Copy, index: number): PlannedJob => ({
  index,
  name,
  ...template,
  variables: matrix ? { ...template.variables, ...matrix } : template.variables,
  ...present('matrix', matrix),
  ...present('node', node),
});

const reportSameNames = (jobs: readonly PlannedJob[], definition: Definition, report: Report): void => {
  const places = new Map(definition.jobs.map(({ name, at }) => [name, at]));
  const names = new Set<string>();
  for (const { name, definition } of jobs) {
    const at = places.get(definition)!;
    const message = `Two jobs would have the name \`${shorten(name)}\`.`;
    if (names.has(name)) report.error('duplicate-job-name', at, message, 'Remove the repeated value, or rename a job.');
    names.add(name);
  }
};
