import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TransientError, type SourceRepository } from '@foldline/kernel';
import { Spawner } from '@foldline/spawner';
import { absent } from '@foldline/testing';
import { createGitRepositories } from './git-repositories.ts';

const ROOM_KIB = 256;
const SMALL_DISK = ['-t', 'tmpfs', '-o', `size=${ROOM_KIB}k`, 'foldline-git'];

const mayMount = (): boolean => {
  const directory = mkdtempSync(join(tmpdir(), 'foldline-git-mount-'));
  const { status } = spawnSync('mount', [...SMALL_DISK, directory], { stdio: 'ignore' });
  if (status === 0) execFileSync('umount', [directory]);
  rmSync(directory, { recursive: true });
  return status === 0;
};

const suite = (): void =>
  describe('mirrors on a disk without room', () => {
    let directory: string;
    let disk: string;
    let url: string;
    let spawner: Spawner;
    let repositories: SourceRepository;

    const git = (...args: string[]): string => execFileSync('git', args, { cwd: url, encoding: 'utf8' }).trim();
    const commit = (text: string | Buffer): string => {
      writeFileSync(join(url, 'file'), text);
      git('add', '--all');
      git('-c', 'user.name=Ada', '-c', 'user.email=ada@foldline.example', 'commit', '--quiet', '-m', 'a file');
      return git('rev-parse', 'HEAD');
    };
    const fetch = (sha: string): Promise<void> => repositories.fetchCommit({ projectId: 'pr1', url, ref: 'main', sha });
    const fill = (): void => void spawnSync('dd', ['if=/dev/zero', `of=${join(disk, 'other')}`], { stdio: 'ignore' });
    const makeRoom = (): void => rmSync(join(disk, 'other'));

    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), 'foldline-git-'));
      [disk, url] = [join(directory, 'disk'), join(directory, 'repository')];
      mkdirSync(disk);
      mkdirSync(url);
      execFileSync('mount', [...SMALL_DISK, disk]);
      git('init', '--quiet', '--initial-branch=main');
      spawner = new Spawner();
      const environment = { PATH: process.env['PATH'] ?? '' };
      repositories = createGitRepositories({ directory: join(disk, 'repos'), environment, spawner });
    });
    afterEach(async () => {
      await spawner.close();
      execFileSync('umount', [disk]);
      rmSync(directory, { recursive: true, force: true });
    });

    it('are made when there is room again, and nothing is said of the repository until then', async () => {
      const sha = commit('first');
      fill();
      await expect(fetch(sha)).rejects.toBeInstanceOf(TransientError);
      makeRoom();
      await fetch(sha);
      expect(await repositories.describeCommit('pr1', sha)).toMatchObject({ sha });
    });

    it('get a commit when there is room again', async () => {
      await fetch(commit('first'));
      const sha = commit(Buffer.from(Array.from({ length: 64 * 1024 }, (_none, n) => (n * n * 31 + (n >> 3)) % 251)));
      fill();
      await expect(fetch(sha)).rejects.toBeInstanceOf(TransientError);
      makeRoom();
      await fetch(sha);
      expect(await repositories.describeCommit('pr1', sha)).toMatchObject({ sha });
    });
  });

const problem = 'needs the right to mount: root';
if (mayMount()) suite();
else absent('a small disk', { hint: problem, problem });
