import { anyOf, listOf, TEXT } from '../grammar/json-schema.ts';
import { record, type Gap } from '../grammar/record.ts';
import { boolean, mapped, shape, text, texts, within, type Shape } from '../grammar/shape.ts';
import { limits } from '../limits.ts';
import { isNothing, type Node, type Position } from '../node.ts';
import { invalid, readList, type Located, type Where } from '../read.ts';
import { matrixRows, type MatrixRow } from './copies.ts';

/** One entry of `needs`, before it is known which copies the job has. */
export type NeedEntry = {
  job: string;
  artifacts: boolean;
  optional: boolean;
  at: Position;
  /** Only the copies with these values. */
  copies?: MatrixRow[];
  /** Only the copy with this name. */
  copy?: string;
};

const ofOtherPipelines: Gap = {
  why: 'a job waits for jobs of its own pipeline only, and takes the artifacts of those',
  stops: true,
};

const parallel = record<{ matrix: MatrixRow[] }>({
  matrix: {
    shape: matrixRows,
    description: 'The values of the copies that are needed.',
    example: [{ NODE: 22 }],
  },
});

const written = record<{
  job: Located<string>;
  artifacts: boolean;
  optional: boolean;
  parallel: { matrix?: MatrixRow[] };
  pipeline: string;
  project: string;
  ref: string;
}>({
  job: {
    shape: mapped(text, (value, { at }) => ({ value, at })),
    description: 'A job of the same or an earlier stage with all its copies, or one copy by its name.',
    example: 'build',
  },
  artifacts: {
    shape: boolean,
    description: 'Whether its artifacts are put into the workspace.',
    default: true,
    example: false,
    beside: { job: 'build' },
  },
  optional: {
    shape: boolean,
    description: 'Whether it may be missing from the pipeline.',
    default: false,
    example: true,
    beside: { job: 'build' },
  },
  parallel: {
    shape: parallel,
    description: 'Which copies are needed.',
    example: { matrix: [{ NODE: 22 }] },
    beside: { job: 'build' },
  },
  pipeline: {
    shape: text,
    description: 'A pipeline of another project, or above this one.',
    example: '$PARENT_PIPELINE_ID',
    planned: ofOtherPipelines,
  },
  project: {
    shape: text,
    description: 'Another project, whose job is meant.',
    example: 'acme/library',
    beside: { job: 'build', ref: 'main' },
    planned: ofOtherPipelines,
  },
  ref: {
    shape: text,
    description: 'The ref of the other project.',
    example: 'main',
    beside: { job: 'build', project: 'acme/library' },
    planned: ofOtherPipelines,
  },
});

const tooMany = (node: Node, where: Where): undefined => {
  where.report.error('too-many-needs', node.at, `${where.label} names more than ${limits.needsPerJob} jobs.`);
};

const readNeed = (node: Node, where: Where): NeedEntry | undefined => {
  if (node.kind !== 'map') {
    const job = text.read(node, where);
    return job === undefined ? undefined : { job, artifacts: true, optional: false, at: node.at };
  }
  const { job, artifacts = true, optional = false, parallel, pipeline, project } = written.read(node, where) ?? {};
  // Marked already: nothing in this pipeline is waited for.
  if (pipeline !== undefined || project !== undefined) return undefined;
  if (!node.entries.has('job')) return invalid(node, where, 'needs the name of a `job`');
  if (!job) return undefined;
  const copies = parallel?.matrix;
  return { job: job.value, artifacts, optional, at: job.at, ...(copies && { copies }) };
};

const need = anyOf(TEXT, written.schema);

/** `needs: [build, {job: test, artifacts: false, optional: true}]`; `[]` starts the job at once. */
export const needs: Shape<NeedEntry[]> = shape(
  (node, where) => {
    const items = node.kind === 'list' || isNothing(node) ? readList(node, where)! : [node];
    if (items.length > limits.needsPerJob) return tooMany(node, where);
    return items.map((item) => readNeed(item, where)).filter((need) => need !== undefined);
  },
  anyOf(need, listOf(need, limits.needsPerJob)),
  within('item', written),
);

/** `dependencies:` names jobs whose artifacts are fetched; `[]` fetches none (seed S0-21). */
export const dependencies: Shape<Located<string>[]> = mapped(texts, (names, node, where) =>
  names.length > limits.needsPerJob ? tooMany(node, where) : names,
);
