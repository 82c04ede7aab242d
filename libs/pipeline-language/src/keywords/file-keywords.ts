import { record, type Fields } from '../grammar/record.ts';
import type { Located } from '../read.ts';
import { texts } from '../grammar/shape.ts';
import { defaultable } from './defaultable.ts';
import { includes, type Include } from './include.ts';
import { jobFields, type JobSettings } from './job-keywords.ts';
import { variables, type Variables } from './variables.ts';
import { workflow, type Workflow } from './workflow.ts';

export type Defaults = Pick<JobSettings, (typeof defaultable)[number]>;

/** What may also stand at the top of the file (seed S0-37). */
export const globals = ['image', 'services', 'cache', 'before_script', 'after_script', 'artifacts'] as const;
type Globals = Pick<JobSettings, (typeof globals)[number]>;

const pick = <Key extends keyof JobSettings>(keys: readonly Key[]): Fields<Pick<JobSettings, Key>> =>
  Object.fromEntries(keys.map((key) => [key, jobFields[key]])) as Fields<Pick<JobSettings, Key>>;

export const defaults = record<Defaults>(pick(defaultable));

/** What stands at the top of a file beside its jobs. */
export type FileSettings = Globals & {
  stages: Located<string>[];
  variables: Variables;
  default: Partial<Defaults>;
  workflow: Workflow;
  include: Include[];
};

export const fileFields: Fields<FileSettings> = {
  stages: {
    shape: texts,
    description: 'The stages in order; `.pre` and `.post` are there besides, before and behind all.',
    default: ['build', 'test', 'deploy'],
    example: ['build', 'test', 'deploy'],
  },
  variables: { shape: variables, description: 'Variables of all jobs.', example: { LEVEL: 'full' } },
  default: {
    shape: defaults,
    description: 'Keywords for all jobs that do not write them.',
    example: { timeout: '20m', retry: 1 },
  },
  workflow: {
    shape: workflow,
    description: 'What decides about the pipeline as a whole.',
    example: { name: 'Deploy $CI_COMMIT_REF_NAME' },
  },
  include: { shape: includes, description: 'Other files that are taken over.', example: ['ci/build.yml'] },
  ...pick(globals),
};

/** Of GitLab's, those that stand at the top of a file and are refused. */
export const refusedAtTop = { types: 'it is an old name of `stages`' };

/** Everything that is a keyword at the top of a file, and never the name of a job. */
export const isFileKeyword = (key: string): boolean => Object.hasOwn(fileFields, key);
