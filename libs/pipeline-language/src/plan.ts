import { beginning, type PlannedJob } from '@foldline/contracts';
import type { Definition, JobDefinition } from './definition.ts';
import type { Copy } from './expand-matrix.ts';
import { limits } from './limits.ts';
import type { Links } from './needs.ts';
import { namesCopies, neededCopies } from './needed-copies.ts';
import { shorten } from './node.ts';
import { planTemplate, type JobTemplate } from './plan-job.ts';
import { checkStarted, filledTrigger } from './plan-trigger.ts';
import { present } from './grammar/present.ts';
import type { KeptElsewhere } from './kept-elsewhere.ts';
import { subject } from './read.ts';
import type { Report } from './report.ts';
import type { RepositoryFacts } from './repository-facts.ts';
import { copiesOf, countOf, type Selected } from './selected.ts';

/** Where the copies of each job stand in `Plan.jobs`. */
export type Ranges = ReadonlyMap<Selected, { first: number; count: number }>;

/** Fills in what everybody sees of a copy, so without the project's variables. */
export type FillIn = (text: string, job: JobDefinition, copy: Copy) => string;

/** What jobs are planned with; where nobody looks it is not asked whether files and other pipelines are there. */
export type Known = { fill: FillIn; repository?: RepositoryFacts; kept?: KeptElsewhere };

/** The plan's jobs: stage by stage, within a stage in the order of the file, copies beside each other. */
export const planJobs = (
  definition: Definition,
  links: ReadonlyMap<Selected, Links>,
  { fill, repository, kept }: Known,
  report: Report,
): PlannedJob[] => {
  const position = new Map(definition.stages.map((stage, index) => [stage, index]));
  const selected = [...links.keys()].toSorted((a, b) => position.get(a.job.stage)! - position.get(b.job.stage)!);
  const ranges = place(selected);
  if (!withinCounts(links, ranges, report)) return [];
  const needed = neededCopies(ranges, report);
  const jobs: PlannedJob[] = [];
  let bytes = 0;
  for (const each of selected) {
    const ownLinks = links.get(each)!;
    const template = planTemplate(each.job, definition, ownLinks, ranges);
    bytes += JSON.stringify(template).length * ranges.get(each)!.count;
    if (bytes > limits.planBytes) {
      const message = `The plan is larger than ${limits.planBytes} bytes at job \`${shorten(each.job.name)}\`.`;
      report.error('plan-too-large', each.job.at, message);
      return [];
    }
    const needs = ownLinks.needs?.some(({ entry }) => namesCopies(entry)) ? ownLinks.needs : undefined;
    const taken = template.artifactsFrom;
    const dependencies = each.job.settings.dependencies && taken !== 'earlier-stages' ? new Set(taken) : undefined;
    const copies = copiesOf(each);
    const model = modelOf(template, copies[0]!, definition);
    for (const copy of copies) {
      const fillIn = (text: string): string => fill(text, each.job, copy);
      const filled = filledIn(template, each.job, fillIn);
      checkStarted(each.job, fillIn, { report, repository });
      const where = subject(report, `Job \`${shorten(each.job.name)}\``);
      const attempts = ownLinks.elsewhere?.flatMap((entry) => kept?.of(entry, fillIn, where) ?? []) ?? [];
      const same = filled === template ? model : modelOf(filled, copy, definition);
      const job = ofTheCopy(same, copy, jobs.length);
      if (attempts.length > 0) job.artifactsOf = attempts;
      jobs.push(needs ? { ...job, ...needed(needs, copy, dependencies) } : job);
    }
  }
  reportSameNames(jobs, definition, report);
  return jobs;
};

/** What decides where a copy runs, before anybody runs it. */
const filledIn = (template: JobTemplate, { settings }: JobDefinition, fill: (text: string) => string): JobTemplate => {
  if (!template.resourceGroup && !template.trigger && !template.runner.tags) return template;
  const { resourceGroup: group, trigger, ...rest } = template;
  const { tags } = rest.runner;
  const named = (text: string): string => beginning(fill(text), limits.nameLength);
  const filled = group && named(group);
  return {
    ...rest,
    ...(tags && { runner: { ...rest.runner, tags: [...new Set(tags.map(named))].filter((tag) => tag !== '') } }),
    ...(filled && { resourceGroup: filled }),
    ...(trigger && settings.trigger && { trigger: filledTrigger(trigger, settings.trigger, fill) }),
  };
};

const place = (selected: readonly Selected[]): Ranges => {
  const ranges = new Map<Selected, { first: number; count: number }>();
  let first = 0;
  for (const job of selected) {
    const count = countOf(job);
    ranges.set(job, { first, count });
    first += count;
  }
  return ranges;
};

/** Counts jobs and edges by multiplication, before anything is made. */
const withinCounts = (links: ReadonlyMap<Selected, Links>, ranges: Ranges, report: Report): boolean => {
  let jobs = 0;
  let edges = 0;
  const size = (job: Selected): number => ranges.get(job)!.count;
  for (const [each, { needs = [], artifactsFrom = [] }] of links) {
    const { job } = each;
    jobs += size(each);
    const others = [...needs, ...artifactsFrom].map((other) => other.job);
    edges += size(each) * others.reduce((sum, other) => sum + size(other), 0);
    if (jobs > limits.jobs) {
      const message = `The pipeline has more than ${limits.jobs} jobs at job \`${shorten(job.name)}\`.`;
      report.error('too-many-jobs', job.at, message);
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

/** A job with every field that the copies have: thousands are made by cloning one, which engines do ten times as fast. */
const modelOf = (template: JobTemplate, { node, matrix }: Copy, { dialect }: Definition): PlannedJob => ({
  index: 0,
  name: '',
  ...template,
  ...present('matrix', matrix),
  ...present('node', node && dialect === 'gitlab' ? { ...node, first: 1 as const } : node),
});

const ofTheCopy = (model: PlannedJob, { name, node, matrix }: Copy, index: number): PlannedJob => {
  const job = { ...model };
  job.index = index;
  job.name = name;
  if (matrix) {
    job.variables = { ...model.variables, ...matrix };
    job.matrix = matrix;
  }
  if (node) job.node = model.node?.first ? { ...node, first: 1 } : node;
  return job;
};

const reportSameNames = (jobs: readonly PlannedJob[], definition: Definition, report: Report): void => {
  const places = new Map(definition.jobs.map(({ name, at }) => [name, at]));
  const names = new Set<string>();
  for (const { name, definition } of jobs) {
    if (names.has(name)) {
      const message = `Two jobs would have the name \`${shorten(name)}\`.`;
      const hint = 'Remove the repeated value, or rename a job.';
      report.error('duplicate-job-name', places.get(definition)!, message, hint);
    }
    names.add(name);
  }
};
