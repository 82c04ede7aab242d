import type { ArtifactSpec, CacheSpec } from '@foldline/contracts';
import type { Fields } from '../grammar/record.ts';
import { record } from '../grammar/record.ts';
import { boolean, mapped, orMap, shape, text, texts } from '../grammar/shape.ts';
import { mapOf } from '../grammar/json-schema.ts';
import { readPattern } from '../pattern.ts';
import type { Located } from '../read.ts';
import { anything } from './anything.ts';
import { artifacts } from './artifacts.ts';
import { caches } from './cache.ts';
import { image, services } from './runner.ts';
import { commands } from './script.ts';
import { secrets, type Secrets } from './secrets.ts';
import { variables, type Variables } from './variables.ts';

/** What a job does, with what, and what is kept of it. */
export type Work = {
  script: Located<string>[];
  before_script: Located<string>[];
  after_script: Located<string>[];
  hooks: unknown;
  image: string;
  services: string[];
  variables: Variables;
  secrets: Secrets;
  id_tokens: unknown;
  identity: string;
  artifacts: ArtifactSpec;
  cache: CacheSpec[];
  coverage: string;
  release: unknown;
  pages: unknown;
  publish: string;
  run: unknown;
  dast_configuration: unknown;
};

const release = record({
  tag_name: { shape: text, description: 'The tag of the release.', example: '$CI_COMMIT_TAG' },
  tag_message: { shape: text, description: 'The message of a new tag.', example: 'Release' },
  name: { shape: text, description: 'The name of the release.', example: 'Version 1' },
  description: { shape: text, description: 'What is new, or a file that says it.', example: './CHANGELOG.md' },
  ref: { shape: text, description: 'The commit of a new tag.', example: '$CI_COMMIT_SHA' },
  milestones: { shape: texts, description: 'Milestones of the release.', example: ['m1'] },
  released_at: { shape: text, description: 'When it is released.', example: '2026-01-01T00:00:00Z' },
  assets: { shape: anything, description: 'Links of the release.', example: { links: [] } },
});

const idToken = record({
  aud: { shape: texts, description: 'For whom the token is.', example: 'https://vault.example.com' },
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
    shape: record({
      pre_get_sources_script: {
        shape: commands,
        description: 'Commands before the commit is fetched.',
        example: ['git config --global core.longpaths true'],
      },
    }),
    description: 'Commands at other moments of a job.',
    example: { pre_get_sources_script: ['git config --global core.longpaths true'] },
    planned: { why: 'nothing runs before the commit is there' },
  },
  image: { shape: image, description: 'The container image in which the job runs.', example: 'node:22' },
  services: { shape: services, description: 'Containers beside the job.', example: ['postgres:17'] },
  variables: { shape: variables, description: 'Variables of the job.', example: { LEVEL: 'debug' } },
  secrets: {
    shape: secrets,
    description: 'Variables whose values come from the vault when the job starts.',
    example: { DEPLOY_KEY: { vault: 'production/deploy_key' } },
  },
  id_tokens: {
    shape: shape(
      (node, where) =>
        node.kind === 'map' && [...node.entries.values()].every(({ value }) => idToken.read(value, where)),
      mapOf(idToken.schema),
    ),
    description: 'Tokens by which the job proves to others what it is.',
    example: { VAULT_TOKEN: { aud: 'https://vault.example.com' } },
    planned: { why: 'no tokens are issued yet' },
  },
  identity: {
    shape: text,
    description: 'The cloud at which the job proves what it is.',
    example: 'google_cloud',
    planned: { why: 'no tokens are issued yet' },
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
  release: {
    shape: release,
    description: 'A release of the project, made after the script.',
    example: { tag_name: '$CI_COMMIT_TAG', description: './CHANGELOG.md' },
    planned: { why: 'no releases are made yet', stops: true },
  },
  pages: {
    shape: orMap<unknown>(boolean, anything),
    description: 'Whether, and how, the artifacts are published as pages.',
    default: false,
    example: true,
    planned: { why: 'no pages are published; the artifacts are kept' },
  },
  publish: {
    shape: text,
    description: 'The folder of the pages.',
    example: 'dist',
    planned: { why: 'no pages are published; the artifacts are kept' },
  },
  run: {
    shape: anything,
    description: 'Steps instead of a script.',
    example: [{ name: 'hello', script: 'echo hello' }],
    planned: { why: 'only `script` is run', stops: true },
  },
  dast_configuration: {
    shape: anything,
    description: 'Profiles of a scanner.',
    example: { site_profile: 'site', scanner_profile: 'quick' },
    planned: { why: 'no scanner is built in' },
  },
};
