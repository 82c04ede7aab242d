import type { CacheSpec } from '@foldline/contracts';
import { limits } from '../limits.ts';
import type { Entry, Node } from '../node.ts';
import { inside, invalid, readChoice, readFields, readText, readTexts, type Where } from '../read.ts';
import { outcomes } from './artifacts.ts';
import { readFileNames, readPatterns } from './paths.ts';
import { present } from './runner.ts';

const shape = { known: ['key', 'paths', 'policy', 'fallback_keys', 'when'], later: ['untracked', 'unprotect'] };
const policies = ['pull', 'push', 'pull-push'] as const;
const defaultKey = 'default';

/** `cache:` as one map or a list of them; `[]` and `{}` turn an inherited cache off (seed S0-37 … S0-42). */
export const readCaches = (node: Node, where: Where): CacheSpec[] | undefined => {
  const items = node.kind === 'list' ? node.items : [node];
  if (items.length > limits.caches) return invalid(node, where, `may have at most ${limits.caches} entries`);
  return items.map((item) => readCache(item, where)).filter((cache) => cache !== undefined);
};

const readCache = (node: Node, where: Where): CacheSpec | undefined => {
  const fields = readFields(node, where, shape);
  if (!fields || fields.size === 0) return undefined;
  const read = <T>(key: string, reader: (node: Node, where: Where) => T | undefined): T | undefined => {
    const entry: Entry | undefined = fields.get(key);
    return entry && reader(entry.value, inside(where, key));
  };
  if (!fields.has('paths')) return invalid(node, where, 'needs `paths`');
  return {
    key: read('key', readKey) ?? { text: defaultKey },
    paths: read('paths', readPatterns) ?? [],
    policy: read('policy', (value, at) => readChoice(value, at, policies)) ?? 'pull-push',
    fallbackKeys: read('fallback_keys', readFallbackKeys) ?? [],
    when: read('when', (value, at) => readChoice(value, at, outcomes)) ?? 'on_success',
  };
};

const readKey = (node: Node, where: Where): CacheSpec['key'] | undefined => {
  if (node.kind !== 'map') {
    const text = readText(node, where);
    return text === undefined ? undefined : { text };
  }
  const fields = readFields(node, where, { known: ['files', 'prefix'] });
  const files = fields?.get('files');
  if (!files) return invalid(node, where, 'needs a text or `files`');
  const paths = readFileNames(files.value, inside(where, 'files')) ?? [];
  if (paths.length > limits.keyFiles)
    return invalid(files.value, inside(where, 'files'), `may name at most ${limits.keyFiles} files`);
  const prefix = fields?.get('prefix');
  return { files: paths, ...present('prefix', prefix && readText(prefix.value, inside(where, 'prefix'))) };
};

const readFallbackKeys = (node: Node, where: Where): string[] | undefined => {
  const keys = readTexts(node, where)?.map(({ value }) => value);
  return keys && keys.length > limits.fallbackKeys
    ? invalid(node, where, `may have at most ${limits.fallbackKeys} keys`)
    : keys;
};
