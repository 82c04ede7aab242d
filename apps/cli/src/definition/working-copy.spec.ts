import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { lookInto } from './working-copy.ts';

const IDENTITY = ['-c', 'user.name=Ada', '-c', 'user.email=ada@foldline.example'];

let home: string;
let base: string;
let aside: string;

const git = (...args: string[]): string => execFileSync('git', args, { cwd: home, encoding: 'utf8' }).trim();
const commit = (path: string, text: string): string => {
  writeFileSync(join(home, path), text);
  git('add', '--all');
  git(...IDENTITY, 'commit', '--quiet', '-m', text);
  return git('rev-parse', 'HEAD');
};
const changedSince = (name: string): Promise<readonly string[] | null> => lookInto(home, new Map()).changes(name);

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'foldline-working-copy-'));
  git('init', '--quiet', '--initial-branch=main');
  mkdirSync(join(home, 'src'));
  base = commit('src/a', '1');
  git('branch', 'base');
  git(...IDENTITY, 'tag', '-a', 't0', '-m', 'release');
  git('update-ref', 'refs/remotes/origin/far', base);
  git('symbolic-ref', 'refs/remotes/origin/HEAD', 'refs/remotes/origin/far');
  git('update-ref', 'refs/heads/refs/heads/nested', base);
  git('checkout', '--quiet', '-b', 'aside');
  aside = commit('src/b', '2');
  git('checkout', '--quiet', 'main');
  commit('src/a', '3');
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('What changed in a working copy since `compare_to`', () => {
  it.each(['base', 't0', 'refs/heads/base', 'refs/tags/t0', 'aside', 'far', 'refs/heads/far'])(
    'is told of %s, as a server tells it',
    async (name) => {
      expect(await changedSince(name)).toEqual(['src/a']);
    },
  );

  it('is told of a commit, also by its first digits where it is in the history of the one that is checked out', async () => {
    for (const sha of [base, base.slice(0, 10), base.slice(0, 7), aside])
      expect(await changedSince(sha)).toEqual(['src/a']);
    expect(await changedSince(aside.slice(0, 10))).toBeNull();
  });

  it.each(
    [
      ['main~1', 'HEAD', 'refs/heads/HEAD', 'heads/base', 'origin/far', 'main-1-g0000000', '0000000'],
      ['refs/tags/base', 'refs/heads/t0', 'refs/heads/nested'],
      ['a b', '-x', '--output=x'],
    ].flat(),
  )('is not told for %j, which a server would not know', async (name) => {
    expect(await changedSince(name)).toBeNull();
  });
});

describe('The files of a working copy', () => {
  it('are those that git keeps or would keep', async () => {
    writeFileSync(join(home, '.gitignore'), 'built/\n');
    mkdirSync(join(home, 'built'));
    writeFileSync(join(home, 'built/a.yml'), '');
    writeFileSync(join(home, 'src/new.yml'), '');
    const paths = await lookInto(home, new Map()).paths();
    expect(paths.toSorted()).toEqual(['.gitignore', 'src/a', 'src/new.yml']);
  });

  it('are all that lie there where git keeps nothing yet', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'foldline-no-working-copy-'));
    mkdirSync(join(directory, 'ci'));
    writeFileSync(join(directory, 'ci/a.yml'), '');
    writeFileSync(join(directory, 'b.yml'), '');
    expect([...(await lookInto(directory, new Map()).paths())].toSorted()).toEqual(['b.yml', 'ci/a.yml']);
    rmSync(directory, { recursive: true });
  });
});
