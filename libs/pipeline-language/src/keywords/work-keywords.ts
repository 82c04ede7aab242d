import type { ArtifactSpec, CacheSpec, PlannedService } from '@foldline/contracts';
import { record, type Fields } from '../grammar/record.ts';
import { mapped, text } from '../grammar/shape.ts';
import { readPattern } from '../pattern.ts';
import type { Located } from '../read.ts';
import { artifacts } from './artifacts.ts';
import { caches } from './cache.ts';
import { plannedWork, type PlannedWork } from './planned-keywords.ts';
import { image, services, type Image } from './containers.ts';
import { commands } from './script.ts';
import { secrets, type Secrets } from './secrets.ts';
import { variables, type Variables } from './variables.ts';

/** Commands at other moments than those of its script. */
export type Hooks = { pre_get_sources_script: Located<string>[] };

/** What a job does, with what, and what is kept of it. */
export type Work = PlannedWork & {
  script: Located<string>[];
  before_script: Located<string>[];
  after_script: Located<string>[];
  hooks: Partial<Hooks>;
  image: Image;
  services: (string | PlannedService)[];
  variables: Variables;
  secrets: Secrets;
  artifacts: ArtifactSpec;
  cache: CacheSpec[];
  coverage: string;
};

const hooks = record<Hooks>({
  pre_get_sources_script: {
    shape: commands,
    description:
      'Commands before the commit is there, in an empty workspace and a shell of their own. When they fail, the job does.',
    example: ['git config --global core.longpaths true'],
  },
});

export const work: Fields<Work> = {
  script: {
    shape: commands,
    description: 'The commands of the job. The first that fails ends it.',
    example: ['npm ci', 'npm test'],
  },
  before_script: {
    shape: commands,
    description: 'Commands before those of `script`, in the same shell.',
    example: ['npm ci'],
  },
  after_script: {
    shape: commands,
    description: 'Commands in a shell of their own, whatever the script did; their result changes nothing.',
    example: ['rm -rf tmp'],
  },
  hooks: {
    shape: hooks,
    description: 'Commands at other moments than those of the script.',
    example: { pre_get_sources_script: ['git config --global core.longpaths true'] },
  },
  image: {
    shape: image,
    description: 'The container image in which the job runs; it waits for a runner with Docker.',
    example: 'node:22',
  },
  services: {
    shape: services,
    description: 'Containers beside that of the job, which reaches them by name. The job needs an `image`, too.',
    example: ['postgres:17'],
    beside: { image: 'node:22' },
  },
  variables: { shape: variables, description: 'Variables of the job.', example: { LEVEL: 'debug' } },
  secrets: {
    shape: secrets,
    description: 'Variables whose values come from the vault when the job starts.',
    example: { DEPLOY_KEY: { vault: 'production/deploy_key' } },
  },
  artifacts: {
    shape: artifacts,
    description: 'Files that are kept, for later jobs and for people.',
    example: { paths: ['dist/'], expire_in: '1 week' },
  },
  cache: {
    shape: caches,
    description: 'Files that make the next pipeline faster.',
    example: { key: { files: ['package-lock.json'] }, paths: ['node_modules/'] },
  },
  coverage: {
    shape: mapped(text, (pattern, { at }, where) => readPattern(pattern, at, where)),
    description: 'Finds the percentage in the output: the first group of the last match of a pattern between slashes.',
    example: '/All files[^|]*\\|\\s*([\\d.]+)/',
  },
  ...plannedWork,
};
