import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { filesUnder, projectFolders, root } from '../../scripts/workspace.mjs';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const readJson = <Shape>(path: string): Shape => JSON.parse(read(path)) as Shape;

const TEXT = /\.(?:ts|mts|mjs|json|md|yml|yaml|sh)$|\/run$|^LICENSE$/;
const texts = filesUnder('.').filter((path) => TEXT.test(path) && path !== 'package-lock.json');

/** The lines, over all files, in which a pattern occurs; this file, which holds the patterns, is left out. */
const linesWith = (pattern: RegExp): string[] =>
  texts
    .filter((path) => path !== 'test/house/workspace.spec.ts')
    .flatMap((path) =>
      read(path)
        .split('\n')
        .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1} ${line.trim()}`] : [])),
    );

describe('the workspace', () => {
  it('is built whole: every project is a reference of the root', () => {
    const { references } = readJson<{ references: { path: string }[] }>('tsconfig.json');
    expect(references.map(({ path }) => path).toSorted()).toEqual(projectFolders().toSorted());
  });

  it('installs from its lock file: every project is in it, with what it depends on', () => {
    type Manifest = { dependencies?: Record<string, string> };
    const { packages } = readJson<{ packages: Record<string, Manifest> }>('package-lock.json');
    const known = (folder: string): unknown => packages[folder === '.' ? '' : folder]?.dependencies ?? {};
    const folders = projectFolders();
    expect(folders.filter((folder) => !packages[folder])).toEqual([]);
    for (const folder of ['.', ...folders]) {
      expect([folder, known(folder)]).toEqual([
        folder,
        readJson<Manifest>(`${folder}/package.json`).dependencies ?? {},
      ]);
    }
  });

  it('pins every package to one version', () => {
    type Manifest = { dependencies: Record<string, string>; devDependencies: Record<string, string> };
    const { dependencies, devDependencies } = readJson<Manifest>('package.json');
    const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(([, version]) => !/^\d/.test(version));
    expect(loose).toEqual([]);
  });

  it('runs only scripts that exist', () => {
    const { scripts } = readJson<{ scripts: Record<string, string> }>('package.json');
    const named = Object.values(scripts).flatMap((line) => line.match(/(?:scripts|bench)\/[\w-]+\.mjs/g) ?? []);
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it('names no place of one particular machine', () => {
    expect(linesWith(/(?:^|[\s"'`(=:])\/(?:work|farm|Users|home\/(?!runner\b|user\b|foldline\b)\w+|root)\//)).toEqual(
      [],
    );
  });

  it('leaves nothing marked as to be done', () => {
    expect(linesWith(/\b(?:TODO|FIXME|XXX|HACK)\b/)).toEqual([]);
  });

  it('switches no type error off', () => {
    expect(linesWith(/@ts-(?:ignore|nocheck|expect-error)/)).toEqual([]);
  });

  it('runs every test: none is skipped for good, none is alone', () => {
    const found = linesWith(/\b(?:it|test|describe)\.(?:only|skip|todo)\s*[(.]|\b[fx](?:it|describe)\(/);
    // The one place that skips: where a server is missing, and CI makes that a failure.
    expect(found.filter((line) => !line.startsWith('libs/testing/src/real-server.ts:'))).toEqual([]);
  });
});
