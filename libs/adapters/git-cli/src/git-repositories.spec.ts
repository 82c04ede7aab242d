import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { SourceRepository } from '@foldline/kernel';
import { Spawner } from '@foldline/spawner';
import { createGitRepositories } from './git-repositories.ts';

const PROJECT = 'pr1';

describe('the mirror of a project', () => {
  let directory: string;
  let spawner: Spawner;
  let repositories: SourceRepository;
  let url: string;
  let sha: string;

  const git = (...args: string[]): string => execFileSync('git', args, { cwd: url, encoding: 'utf8' }).trim();
  const commit = (text: string): string => {
    writeFileSync(join(url, 'README.md'), text);
    git('add', '--all');
    git('-c', 'user.name=Ada', '-c', 'user.email=ada@foldline.example', 'commit', '--quiet', '-m', text);
    return git('rev-parse', 'HEAD');
  };
  const open = (): SourceRepository =>
    createGitRepositories({
      directory: join(directory, 'repos'),
      environment: { PATH: process.env['PATH'] ?? '' },
      spawner,
    });
  const fetch = (): Promise<void> => repositories.fetchCommit({ projectId: PROJECT, url, ref: 'main', sha });
  const readme = async (): Promise<string | undefined> =>
    (await repositories.readFile(PROJECT, sha, 'README.md', 1024))?.toString('utf8');
  /** Leaves a file in the mirror as a git that was killed does. */
  const leave = (path: string, text = ''): void => {
    const file = join(directory, 'repos', `${PROJECT}.git`, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-git-'));
    url = join(directory, 'repository');
    mkdirSync(url);
    git('init', '--quiet', '--initial-branch=main');
    sha = commit('first');
    spawner = new Spawner();
    repositories = open();
  });
  afterEach(async () => {
    await spawner.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('holds a commit once it was fetched', async () => {
    await fetch();

    expect(await readme()).toBe('first');
  });

  it('fetches what is new', async () => {
    await fetch();
    sha = commit('second');

    await fetch();

    expect(await readme()).toBe('second');
  });

  describe('when the server was killed in the middle of its work', () => {
    it('is made although an earlier making was cut short', async () => {
      leave('HEAD', 'ref: refs/heads/main\n');

      await fetch();

      expect(await readme()).toBe('first');
    });

    it('fetches although a lock was left on the commit', async () => {
      await fetch();
      sha = commit('second');
      leave(`refs/foldline/${sha}.lock`);
      repositories = open();

      await fetch();

      expect(await readme()).toBe('second');
    });

    it('fetches the rest of a commit that had come in part', async () => {
      await fetch();
      sha = commit('second');
      const text = execFileSync('git', ['cat-file', 'commit', sha], { cwd: url });
      const store = ['hash-object', '-t', 'commit', '-w', '--stdin'];
      execFileSync('git', store, { cwd: join(directory, 'repos', `${PROJECT}.git`), input: text });
      repositories = open();

      await fetch();

      expect(await readme()).toBe('second');
    });

    it('fetches although locks were left on the mirror itself', async () => {
      await fetch();
      sha = commit('second');
      for (const name of ['HEAD.lock', 'config.lock', 'packed-refs.lock', 'shallow.lock']) leave(name);
      repositories = open();

      await fetch();

      expect(await readme()).toBe('second');
    });
  });
});
