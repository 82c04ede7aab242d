import { anyOf } from '../grammar/json-schema.ts';
import { record, type Fields, type Gap } from '../grammar/record.ts';
import { boolean, choice, list, named, orMap, shape, text, texts, type Shape } from '../grammar/shape.ts';
import { limits } from '../limits.ts';
import { inside, readMap, type Where } from '../read.ts';
import type { Node } from '../node.ts';
import { commands } from './script.ts';
import { inputs } from './spec.ts';
import { durationOrNever } from './timing.ts';
import { variables } from './variables.ts';

/** What a job of GitLab may ask for and nothing acts upon yet: it is checked, and kept in the plan. */
export type PlannedWork = {
  inputs: unknown;
  id_tokens: unknown;
  identity: string;
  release: unknown;
  pages: unknown;
  publish: string;
  run: unknown;
  dast_configuration: unknown;
};

/** Under each name that the author chose, the same. */
const each = (value: Shape<unknown>): Shape<unknown> =>
  named(value, (node: Node, where: Where) => {
    const entries = readMap(node, where);
    for (const entry of entries?.values() ?? []) value.read(entry.value, inside(where, entry.key));
    return entries && true;
  });

const idToken = record({
  aud: { shape: texts, description: 'For whom the token is.', example: 'https://vault.example.com' },
});

const link = record({
  name: { shape: text, description: 'What people see.', example: 'Handbook' },
  url: { shape: text, description: 'Where it leads.', example: 'https://example.com/handbook' },
  filepath: { shape: text, description: 'A lasting address of the same.', example: '/handbook' },
  link_type: { shape: choice(['other', 'runbook', 'image', 'package']), description: 'What it is.', example: 'image' },
});
const links = [{ name: 'Handbook', url: 'https://example.com/handbook' }];

const release = record({
  tag_name: { shape: text, description: 'The tag of the release.', example: '$CI_COMMIT_TAG' },
  tag_message: { shape: text, description: 'The message of a new tag.', example: 'Release' },
  name: { shape: text, description: 'The name of the release.', example: 'Version 1' },
  description: { shape: text, description: 'What is new, or a file that says it.', example: './CHANGELOG.md' },
  ref: { shape: text, description: 'The commit of a new tag.', example: '$CI_COMMIT_SHA' },
  milestones: { shape: texts, description: 'Milestones of the release.', example: ['m1'] },
  released_at: { shape: text, description: 'When it is released.', example: '2026-01-01T00:00:00Z' },
  assets: {
    shape: record({
      links: { shape: list(link, limits.links), description: 'Each with its name and address.', example: links },
    }),
    description: 'What belongs to the release.',
    example: { links },
  },
});

const pages: Shape<unknown> = orMap<unknown>(
  boolean,
  record({
    publish: { shape: text, description: 'The folder of the pages.', default: 'public', example: 'dist' },
    path_prefix: { shape: text, description: 'What their address begins with.', example: '$CI_COMMIT_BRANCH' },
    expire_in: { shape: durationOrNever, description: 'How long they are there.', example: '1 week' },
  }),
);

const value = shape(() => true, anyOf(text.schema, { type: 'array' }, { type: 'object' }));
const step = record({
  name: { shape: text, description: 'What the step is called.', example: 'hello' },
  script: { shape: commands, description: 'Commands.', example: 'echo hello' },
  step: { shape: text, description: 'A step that is ready made.', example: './steps/hello' },
  func: { shape: text, description: 'The same by its newer name.', example: './steps/hello' },
  env: { shape: variables, description: 'Variables of the step.', example: { LEVEL: 'debug' } },
  inputs: { shape: each(value), description: 'What the step asks for.', example: { level: 'full' } },
});

const tokens: Gap = { why: 'no tokens are issued yet' };
const published: Gap = { why: 'no pages are published; the artifacts are kept' };

export const plannedWork: Fields<PlannedWork> = {
  inputs: {
    shape: shape(inputs.read, inputs.schema),
    description: 'What whoever starts the job by hand may choose, written as in `spec`.',
    example: { level: { default: 'full', options: ['full', 'quick'] } },
    planned: { why: 'jobs are not asked for anything; use variables', stops: true },
  },
  id_tokens: {
    shape: each(idToken),
    description: 'Tokens by which the job proves to others what it is.',
    example: { VAULT_TOKEN: { aud: 'https://vault.example.com' } },
    planned: tokens,
  },
  identity: {
    shape: choice(['google_cloud']),
    description: 'The cloud at which the job proves what it is.',
    example: 'google_cloud',
    planned: tokens,
  },
  release: {
    shape: release,
    description: 'A release of the project, made after the script.',
    example: { tag_name: '$CI_COMMIT_TAG', description: './CHANGELOG.md' },
    planned: { why: 'no releases are made yet', stops: true },
  },
  pages: {
    shape: pages,
    description: 'Whether, and how, the artifacts are published as pages.',
    default: false,
    example: { publish: 'dist' },
    planned: published,
  },
  publish: { shape: text, description: 'The folder of the pages.', example: 'dist', planned: published },
  run: {
    shape: list(step, limits.steps),
    description: 'Steps instead of a script.',
    example: [{ name: 'hello', script: 'echo hello' }],
    planned: { why: 'only `script` is run', stops: true },
  },
  dast_configuration: {
    shape: record({
      site_profile: { shape: text, description: 'What is scanned.', example: 'site' },
      scanner_profile: { shape: text, description: 'How it is scanned.', example: 'quick' },
    }),
    description: 'Profiles of a scanner.',
    example: { site_profile: 'site', scanner_profile: 'quick' },
    planned: { why: 'no scanner is built in' },
  },
};
