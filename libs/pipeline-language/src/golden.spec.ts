import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createHash } from 'node:crypto';
import { compile } from './compile.ts';
import { keyOf, type Location, type NotFound } from './elsewhere.ts';
import type { Trigger } from './select-jobs.ts';
import type { Sources } from './sources.ts';

/**
 * Each folder is one case: `definition.yml`, beside `files` of the same commit, compiled for `trigger.json` gives what `plan.json`, or `problems.json`, names.
 * `changes.json` has the files that changed, by the ref that they are compared with: `""` is what the branch pointed to before the push, `null` what is not there.
 * `elsewhere/index.json` lists what can be read that is not of the commit: where it is, and its text beside the list or why it cannot be read.
 * What an expectation does not name is not compared, but lists are compared in full.
 */
const folder = fileURLToPath(new URL('../../../test/plans', import.meta.url));
const cases = readdirSync(folder).toSorted();

const read = (name: string, file: string): string => readFileSync(join(folder, name, file), 'utf8');
const has = (name: string, file: string): boolean => existsSync(join(folder, name, file));

type Elsewhere = { at: Location } & ({ file: string; commit?: string; release?: string } | NotFound);

const elsewhereOf = (name: string): NonNullable<Sources['elsewhere']> =>
  Object.fromEntries(
    (JSON.parse(read(name, 'elsewhere/index.json')) as Elsewhere[]).map(({ at, ...found }) => {
      if ('problem' in found) return [keyOf(at), found];
      const { file, commit, ...known } = found;
      const text = read(name, join('elsewhere', file));
      const sha256 = createHash('sha256').update(text).digest('hex');
      return [keyOf(at), { text, sha256, ...known, ...(commit !== undefined && { at: commit }) }];
    }),
  );

/** What else is known: the files of the commit below `files`, which of them changed, and what is elsewhere. */
const sourcesOf = (name: string): Sources => {
  const root = join(folder, name, 'files');
  const changes = has(name, 'changes.json') && { changes: JSON.parse(read(name, 'changes.json')) };
  const elsewhere = has(name, 'elsewhere') && { elsewhere: elsewhereOf(name) };
  if (!existsSync(root)) return { files: {}, paths: [], ...changes, ...elsewhere };
  const paths = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  const files = Object.fromEntries(paths.map((path) => [path, readFileSync(join(root, path), 'utf8')]));
  return { files, paths, ...changes, ...elsewhere };
};

const compileCase = (name: string): object => {
  const trigger: Trigger = JSON.parse(read(name, 'trigger.json'));
  const text = read(name, 'definition.yml');
  return compile({ file: '.codara-ci.yml', text, trigger, sources: sourcesOf(name) });
};

describe('A definition', () => {
  it.each(cases.filter((name) => has(name, 'plan.json')))('%s compiles into the expected plan', (name) => {
    expect(compileCase(name)).toMatchObject({ plan: JSON.parse(read(name, 'plan.json')) });
  });

  it.each(cases.filter((name) => has(name, 'problems.json')))('%s is refused with the expected problems', (name) => {
    expect(compileCase(name)).toMatchObject(JSON.parse(read(name, 'problems.json')));
  });

  it.each(cases)('%s names exactly one expectation', (name) => {
    expect(has(name, 'plan.json')).not.toBe(has(name, 'problems.json'));
  });
});
