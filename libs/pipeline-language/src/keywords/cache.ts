import type { CacheSpec } from '@foldline/contracts';
import { present } from '../grammar/present.ts';
import { record, type Gap } from '../grammar/record.ts';
import { boolean, choice, mapped, oneOrMore, orMap, shape, text, texts, type Shape } from '../grammar/shape.ts';
import { limits } from '../limits.ts';
import { invalid } from '../read.ts';
import { fileNames, patterns } from './paths.ts';
import { outcome } from './when.ts';

const defaultKey = 'default';

const upTo = (max: number, things: string, from: Shape<string[]>): Shape<string[]> =>
  mapped(from, (names, node, where) =>
    names.length > max ? invalid(node, where, `may have at most ${max} ${things}`) : names,
  );

const keyFiles = upTo(limits.keyFiles, 'files', fileNames);
const byContent: Gap = { why: 'the content of the files makes the key, not their latest commit' };

const keyOfFiles: Shape<CacheSpec['key']> = mapped(
  record<{ files: string[]; files_commits: string[]; prefix: string }>({
    files: {
      shape: keyFiles,
      description: 'Files whose content makes the key.',
      example: ['package-lock.json'],
    },
    files_commits: {
      shape: keyFiles,
      description: 'Files whose latest commit makes the key.',
      example: ['package-lock.json'],
      planned: byContent,
    },
    prefix: {
      shape: text,
      description: 'What the key begins with.',
      example: 'npm',
      beside: { files: ['package-lock.json'] },
    },
  }),
  ({ files, files_commits: committed, prefix }, node, where) => {
    if (files && committed) return invalid(node, where, 'has `files` and `files_commits`, of which one can make it');
    const names = files ?? committed;
    if (names) return { files: names, ...present('prefix', prefix) };
    const isTold = node.kind === 'map' && (node.entries.has('files') || node.entries.has('files_commits'));
    return isTold ? undefined : invalid(node, where, 'needs a text or `files`');
  },
);

const key = orMap(
  mapped(text, (name): CacheSpec['key'] => ({ text: name })),
  keyOfFiles,
);

const fallbackKeys = upTo(
  limits.fallbackKeys,
  'keys',
  mapped(texts, (keys) => keys.map(({ value }) => value)),
);

type Policy = CacheSpec['policy'];

const written = record<{
  key: CacheSpec['key'];
  paths: string[];
  policy: Policy;
  fallback_keys: string[];
  when: CacheSpec['when'];
  untracked: boolean;
  unprotect: boolean;
}>({
  key: {
    shape: key,
    description: 'Under which name it is kept: a text, or the files whose content makes the key.',
    default: defaultKey,
    example: { files: ['package-lock.json'], prefix: 'npm' },
    beside: { paths: ['node_modules/'] },
  },
  paths: { shape: patterns, description: 'What to save.', example: ['node_modules/'] },
  policy: {
    shape: choice<Policy>(['pull', 'push', 'pull-push']),
    description: 'Only restore, only save, or both.',
    default: 'pull-push',
    example: 'pull',
    beside: { paths: ['node_modules/'] },
  },
  fallback_keys: {
    shape: fallbackKeys,
    description:
      'Tried in order when the key is not found. In `.codara-ci.yml`, one that ends in `-` also takes the newest key that begins so.',
    example: ['npm-'],
    beside: { paths: ['node_modules/'] },
  },
  when: {
    shape: outcome,
    description: 'After which result it is saved.',
    default: 'on_success',
    example: 'always',
    beside: { paths: ['node_modules/'] },
  },
  untracked: {
    shape: boolean,
    description: 'Whether everything that git does not track is saved, too.',
    default: false,
    example: true,
    planned: { why: 'only `paths` are saved' },
  },
  unprotect: {
    shape: boolean,
    description: 'Whether protected and other refs share the cache.',
    default: false,
    example: true,
    beside: { paths: ['node_modules/'] },
    planned: { why: 'protected and other refs never share a cache' },
  },
});

/** `{}` and nothing turn an inherited cache off. */
const cache: Shape<CacheSpec> = shape(
  (node, where) => {
    const read = written.read(node, where);
    if (!read || node.kind !== 'map' || node.entries.size === 0) return undefined;
    if (!node.entries.has('paths')) return read.untracked ? undefined : invalid(node, where, 'needs `paths`');
    return {
      key: read.key ?? { text: defaultKey },
      paths: read.paths ?? [],
      policy: read.policy ?? 'pull-push',
      fallbackKeys: read.fallback_keys ?? [],
      when: read.when ?? 'on_success',
    };
  },
  written.schema,
  written.inner,
);

/** `cache:` as one map or a list of them; `[]` and `{}` turn an inherited cache off (seed S0-37 … S0-42). */
const one = oneOrMore(cache, limits.caches);
export const caches: Shape<CacheSpec[]> = shape(
  (node, where) => (node.kind === 'list' ? one.read(node, where) : (one.read(node, where) ?? [])),
  one.schema,
  one.inner,
);
