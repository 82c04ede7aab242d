import type { PlannedTrigger } from '@foldline/contracts';
import { entryOf, record, type Field } from '../grammar/record.ts';
import { boolean, choice, mapped, orMap, text, type Shape } from '../grammar/shape.ts';
import type { MapNode, Node } from '../node.ts';
import { projectName, refuseProject } from '../place-of-include.ts';
import { invalid, type Located, type Where } from '../read.ts';
import { inputs } from './include-fields.ts';
import { childFiles, type Include } from './include.ts';

/** Another pipeline that a job starts. Variables in its texts are not filled in yet. */
export type TriggerSetting = Pick<PlannedTrigger, 'strategy' | 'forward'> & {
  of: { kind: 'child'; files: Include[] } | { kind: 'project'; project: Located<string>; branch?: Located<string> };
  inputs?: MapNode;
};
type Forward = PlannedTrigger['forward'];

const located: Shape<Located<string>> = mapped(text, (value, { at }) => ({ value, at }));

const project: Shape<Located<string>> = mapped(located, (read, _node, where) =>
  read.value.includes('$') || projectName(read.value) !== undefined ? read : refuseProject(read.value, read.at, where),
);

const forward: Shape<Forward> = mapped(
  record<{ yaml_variables: boolean; pipeline_variables: boolean }>({
    yaml_variables: {
      shape: boolean,
      description: 'Those of the file and of the job.',
      default: true,
      example: false,
    },
    pipeline_variables: {
      shape: boolean,
      description: 'Those of the request.',
      default: false,
      example: true,
    },
  }),
  ({ yaml_variables: yamlVariables = true, pipeline_variables: pipelineVariables = false }) => ({
    yamlVariables,
    pipelineVariables,
  }),
);
const GITLABS: Forward = { yamlVariables: true, pipelineVariables: false };

type Written = {
  include: Include[];
  project: Located<string>;
  branch: Located<string>;
  strategy: NonNullable<PlannedTrigger['strategy']>;
  forward: Forward;
  inputs: MapNode;
};
const beside = { project: 'acme/library' };

const written = record<Written>({
  include: {
    shape: childFiles,
    description: 'The definition of a child pipeline, at the same commit: a path, or up to three files.',
    example: 'ci/child.yml',
  },
  project: {
    shape: project,
    description: 'The project whose pipeline is started. Variables are filled in.',
    example: 'acme/library',
  },
  branch: {
    shape: located,
    description: 'The branch or tag of that project; its default branch without it. Variables are filled in.',
    example: 'main',
    beside,
  },
  strategy: {
    shape: choice(['depend', 'mirror']),
    description:
      'Whether the job waits for the pipeline, and ends well or not (`depend`), or just as that (`mirror`). Without it the job has done its work once the pipeline is there.',
    example: 'mirror',
    beside,
  },
  forward: {
    shape: forward,
    description: 'Which variables the pipeline gets.',
    example: { pipeline_variables: true },
    beside,
  },
  inputs: {
    shape: inputs,
    description: 'What the definition of the pipeline asks for in its `spec:inputs`.',
    example: { level: 'full' },
    beside,
  },
});

/** Says what is not there, or does not go together. */
const isWhole = (read: Partial<Written>, node: Node, where: Where): boolean => {
  const refuse = (key: string, what: string, hint: string): false => {
    where.report.error('conflicting-keywords', entryOf(node, key)!.at, `${where.label} has ${what}.`, hint);
    return false;
  };
  const has = (key: keyof Written): boolean => entryOf(node, key) !== undefined;
  if (has('include') && has('project'))
    return refuse('project', 'both `include` and `project`', 'Keep `include` for a child pipeline, or `project`.');
  if (!has('include') && !has('project')) {
    invalid(node, where, 'needs `include` or `project`', 'Write `include:` and a file, or `project: owner/name`.');
    return false;
  }
  if (has('include') && has('branch'))
    return refuse('branch', '`branch` without `project`', 'Remove it: a child pipeline is of the same commit.');
  const { include: files = [] } = read;
  if (has('inputs') && files.length > 1)
    return refuse('inputs', '`inputs` and several files', 'Write `inputs` below the file that asks for them.');
  if (has('inputs') && files.some(({ inputs: own }) => own))
    return refuse('inputs', '`inputs` here and below its file', 'Keep one of them.');
  return true;
};

const setting = (read: Partial<Written>, node: Node, where: Where): TriggerSetting | undefined => {
  if (!isWhole(read, node, where)) return undefined;
  const { include: files, project: of, branch, forward: forwarded = GITLABS, ...rest } = read;
  if (of) return { of: { kind: 'project', project: of, ...(branch && { branch }) }, forward: forwarded, ...rest };
  return files && { of: { kind: 'child', files }, forward: forwarded, ...rest };
};

/** `trigger:` of a job that starts another pipeline instead of running a script. */
export const trigger: Field<TriggerSetting> = {
  shape: orMap<TriggerSetting>(
    mapped(project, (of) => ({ of: { kind: 'project', project: of }, forward: GITLABS })),
    mapped(written, setting),
  ),
  description: 'Another pipeline that the job starts, instead of running a script.',
  example: { include: 'ci/child.yml', strategy: 'depend' },
};
