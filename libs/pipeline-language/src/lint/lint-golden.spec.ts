import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lint } from './lint.ts';
import type { Sources } from '../sources.ts';

/**
 * Each folder is one case: linting `definition.yml`, beside `files` of the same commit, gives what `problems.json` names.
 * What an expectation does not name is not compared, but the list is compared in full.
 */
const folder = fileURLToPath(new URL('../../../../test/lint', import.meta.url));
const plans = fileURLToPath(new URL('../../../../test/plans', import.meta.url));

const sourcesOf = (root: string): Sources => {
  if (!existsSync(root)) return { files: {}, paths: [] };
  const paths = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  return { files: Object.fromEntries(paths.map((path) => [path, readFileSync(join(root, path), 'utf8')])), paths };
};

const lintCase = (path: string) =>
  lint('.codara-ci.yml', readFileSync(join(path, 'definition.yml'), 'utf8'), sourcesOf(join(path, 'files')));

describe('Linting', () => {
  it.each(readdirSync(folder).toSorted())('of %s finds the expected problems', (name) => {
    const expected: unknown = JSON.parse(readFileSync(join(folder, name, 'problems.json'), 'utf8'));
    expect(lintCase(join(folder, name))).toMatchObject(expected as object[]);
  });

  // What people write in good faith: the traps that the compiler knows are in there on purpose.
  const seeds = readdirSync(plans).filter(
    (name) => name.startsWith('S0-') && existsSync(join(plans, name, 'plan.json')),
  );
  const known = ['coverage-quoted', 'folded-shell', 'shard-index-zero', 'unused-variable'];

  it.each(seeds)('of %s raises no false alarm', (name) => {
    expect(lintCase(join(plans, name)).filter(({ code }) => !known.includes(code))).toEqual([]);
  });
});
