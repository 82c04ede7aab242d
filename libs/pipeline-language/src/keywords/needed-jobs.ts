import { anyOf, listOf, TEXT } from '../grammar/json-schema.ts';
import { mark, record, type Gap } from '../grammar/record.ts';
import { boolean, mapped, shape, text, texts, within, type Shape } from '../grammar/shape.ts';
import { limits } from '../limits.ts';
import { isNothing, type Node, type Position } from '../node.ts';
import { inside, invalid, readList, type Located, type Where } from '../read.ts';
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
  /** The job is one of another pipeline: it is not waited for, and its artifacts are taken as they are. */
  of?: OtherPipeline;
};

/** The one that has started this one, or the newest one of a ref of a project in which such a job succeeded. */
export type OtherPipeline = { pipeline: string } | { project: string; ref: string };

const toBeMirrored: Gap = { why: 'no job waits for a pipeline as a whole; name a `job` of it', stops: true };

const parallel = record<{ matrix: MatrixRow[] }>({
  matrix: {
    shape: matrixRows,
    description: 'The values of the copies that are needed.',
    example: [{ NODE: 22 }],
  },
});

type Written = {
  job: Located<string>;
  artifacts: boolean;
  optional: boolean;
  parallel: { matrix?: MatrixRow[] };
  pipeline: string;
  project: string;
  ref: string;
};

const written = record<Written>({
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
    description: 'The pipeline that has started this one, by its id: the artifacts of its job are taken.',
    limit: 'a pipeline without a `job` is waited for by nobody',
    example: '$PARENT_PIPELINE_ID',
    beside: { job: 'build', optional: true },
  },
  project: {
    shape: text,
    description: 'Another project: the artifacts of the newest such job that succeeded there are taken.',
    example: 'acme/library',
    beside: { job: 'build', ref: 'main' },
  },
  ref: {
    shape: text,
    description: 'The branch or tag of the other project.',
    example: 'main',
    beside: { job: 'build', project: 'acme/library' },
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
  const { job, artifacts = true, optional = false, parallel, ...elsewhere } = written.read(node, where) ?? {};
  const whole = node.entries.get('pipeline');
  if (whole && !node.entries.has('job')) {
    mark(toBeMirrored, whole, inside(where, 'pipeline'));
    return undefined;
  }
  if (!node.entries.has('job')) return invalid(node, where, 'needs the name of a `job`');
  if (!job) return undefined;
  const copies = parallel?.matrix;
  // What names another pipeline and could not be read must not make it a job of this one.
  const isUnread = (['pipeline', 'project', 'ref'] as const).some(
    (key) => node.entries.has(key) && elsewhere[key] === undefined,
  );
  const of = isUnread ? 'unclear' : otherPipeline(node, elsewhere, where);
  if (of === 'unclear') return undefined;
  return { job: job.value, artifacts, optional, at: job.at, ...(copies && { copies }), ...(of && { of }) };
};

type Elsewhere = Partial<Pick<Written, 'pipeline' | 'project' | 'ref'>>;

const otherPipeline = (
  { at }: Node,
  { pipeline, project, ref }: Elsewhere,
  { label, report }: Where,
): OtherPipeline | 'unclear' | undefined => {
  if (pipeline === undefined && project === undefined && ref === undefined) return undefined;
  if (pipeline !== undefined && project === undefined && ref === undefined) return { pipeline };
  if (pipeline === undefined && project !== undefined && ref !== undefined) return { project, ref };
  const message = `${label} names neither a \`pipeline\` alone nor a \`project\` with its \`ref\`.`;
  report.error('conflicting-keywords', at, message, 'Write `pipeline` and `job`, or `project`, `ref` and `job`.');
  return 'unclear';
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
