import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openEmbeddedPorts, type EmbeddedPorts } from '@foldline/host';
import type { Settings } from '@foldline/kernel';
import { LAYER_OPTIONS } from '../layers/layers.fixture.ts';
import { Workspaces, type WorkspaceRequest } from './workspaces.ts';

const COMMITS = 26;
const KEPT = 20;

describe('the workspaces of a runner', () => {
  let home: string;
  let directory: string;
  let url: string;
  let embedded: EmbeddedPorts;
  let workspaces: Workspaces;
  let commits: string[];

  const git = (...args: string[]): string => execFileSync('git', args, { cwd: url, encoding: 'utf8' }).trim();
  const commit = (text: string): string => {
    writeFileSync(join(url, 'which.txt'), text);
    git('add', '--all');
    git('-c', 'user.name=Ada', '-c', 'user.email=ada@foldline.example', 'commit', '--quiet', '-m', text);
    return git('rev-parse', 'HEAD');
  };
  const attemptOf = (index: number, round: number): string => `p${round}.${index}.1`;
  /** What a job of the commit finds in its workspace. */
  const found = async (index: number, round: number): Promise<string> => {
    const attemptId = attemptOf(index, round);
    const sha = commits[index]!;
    workspaces.reserve(attemptId);
    await workspaces.prepare({
      attemptId,
      projectId: 'pr1',
      url,
      ref: { name: 'main', kind: 'branch' },
      sha,
      protected: true,
      isComplete: false,
    });
    const text = readFileSync(join(workspaces.pathOf(attemptId), 'which.txt'), 'utf8');
    await workspaces.release(attemptId);
    return text;
  };

  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'foldline-repository-'));
    url = join(home, 'repository');
    mkdirSync(url);
    git('init', '--quiet', '--initial-branch=main');
    commits = Array.from({ length: COMMITS }, (_, n) => commit(`commit ${n}`));
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-workspaces-'));
    const settings = { dataDirectory: join(directory, 'data'), logLevel: 'silent' } as Settings;
    mkdirSync(settings.dataDirectory);
    embedded = await openEmbeddedPorts(settings, []);
    workspaces = new Workspaces({ ...LAYER_OPTIONS, directory, repositories: embedded.ports.sourceRepository });
  });
  afterEach(async () => {
    await workspaces.close();
    await embedded.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** What lies in the checkout that every workspace of the first commit is copied from. */
  const checkedOutFile = (): string => {
    const checkouts = join(directory, 'runners/checkouts');
    return join(
      checkouts,
      readdirSync(checkouts).find((name) => name.startsWith(`pr1-${commits[0]!}-`))!,
      'which.txt',
    );
  };
  const reopened = async (): Promise<void> => {
    await workspaces.close();
    workspaces = new Workspaces({ ...LAYER_OPTIONS, directory, repositories: embedded.ports.sourceRepository });
  };

  it('are copies of a checkout that outlives the process', async () => {
    await found(0, 1);
    writeFileSync(checkedOutFile(), 'still the same');
    await reopened();

    expect(await found(0, 2)).toBe('still the same');
  });

  it('are never copies of what the machine left when its power was cut', async () => {
    await found(0, 1);
    writeFileSync(checkedOutFile(), '');
    writeFileSync(join(directory, 'runners/checkouts.boot-id'), 'an earlier start of the machine');
    await reopened();

    expect(await found(0, 2)).toBe('commit 0');
  });

  it('show each job its own commit, and are kept for so many commits only, however many are wanted at once', async () => {
    for (const round of [1, 2, 3]) {
      const texts = await Promise.all(commits.map((_, index) => found(index, round)));
      expect(texts).toEqual(commits.map((_, index) => `commit ${index}`));
    }
    commits.push(commit('one more'));
    await found(COMMITS, 1);
    await workspaces.close();

    expect(readdirSync(join(directory, 'runners/checkouts')).length).toBeLessThanOrEqual(KEPT);
  });

  describe('for attempts', () => {
    const prepare = async (attemptId: string, more: Partial<WorkspaceRequest> = {}): Promise<string> => {
      workspaces.reserve(attemptId);
      await workspaces.prepare({
        attemptId,
        projectId: 'pr1',
        url,
        ref: { name: 'main', kind: 'branch' },
        sha: commits[0]!,
        protected: true,
        isComplete: false,
        ...more,
      });
      return workspaces.pathOf(attemptId);
    };
    const identityOf = (path: string): number => statSync(path).ino;

    it('lie below runners/jobs, with a place beside them for the attempt alone', async () => {
      expect(await prepare('p1.0.1')).toBe(join(directory, 'runners/jobs/p1.0.1/workspace'));
      expect(workspaces.directoryOf('p1.0.1')).toBe(join(directory, 'runners/jobs/p1.0.1'));
    });

    it('are different directories for two attempts of one commit at once', async () => {
      const [one, two] = await Promise.all([prepare('p1.0.1'), prepare('p1.1.1')]);
      writeFileSync(join(one, 'which.txt'), 'changed');

      expect(readFileSync(join(two, 'which.txt'), 'utf8')).toBe('commit 0');
    });

    it('serve a later attempt of the same commit once they were released', async () => {
      const first = identityOf(await prepare('p1.0.1'));
      await workspaces.release('p1.0.1');

      expect(identityOf(await prepare('p2.0.1'))).toBe(first);
    });

    it.each([
      ['another project', { projectId: 'pr2' }],
      ['another protection', { protected: false }],
      ['another sight of this host', { isComplete: true }],
      ['another ref', { ref: { name: 'v1', kind: 'tag' } }],
    ] as const)('never serve an attempt of %s', async (_what, more) => {
      const first = identityOf(await prepare('p1.0.1'));
      await workspaces.release('p1.0.1');

      expect(identityOf(await prepare('p2.0.1', more))).not.toBe(first);
    });

    it('are left over from the reservation until the release', async () => {
      workspaces.reserve('p1.0.1');
      const reserved = await workspaces.leftovers();
      await prepare('p1.0.1');
      const prepared = await workspaces.leftovers();
      await workspaces.release('p1.0.1');

      expect([reserved, prepared, await workspaces.leftovers()]).toEqual([['p1.0.1'], ['p1.0.1'], []]);
    });

    it('can be removed, prepared or not, and also twice', async () => {
      workspaces.reserve('p1.0.1');
      await prepare('p1.1.1');
      for (const attemptId of ['p1.0.1', 'p1.1.1', 'p1.1.1']) await workspaces.remove(attemptId);

      expect(await workspaces.leftovers()).toEqual([]);
    });

    it('are released also when they could not be prepared', async () => {
      await expect(prepare('p1.0.1', { sha: '0'.repeat(40) })).rejects.toThrow();

      await workspaces.release('p1.0.1');

      expect(await workspaces.leftovers()).toEqual([]);
    });

    it('can be prepared when that did not work the first time', async () => {
      renameSync(url, `${url}.away`);
      await expect(prepare('p1.0.1')).rejects.toThrow();
      renameSync(`${url}.away`, url);

      expect(await found(0, 1)).toBe('commit 0');
    });

    it.each([
      '',
      '.',
      '..',
      '../p1.0.1',
      'p1.0.1/../../x',
      '/tmp/x',
      'p1.0',
      'p1.0.1.1',
      'P1.0.1',
      'p1.0.1\n',
      'a\0.0.1',
    ])('are refused to %j, which is no attempt', async (attemptId) => {
      expect(() => workspaces.reserve(attemptId)).toThrow('not an attempt id');
      expect(() => workspaces.pathOf(attemptId)).toThrow('not an attempt id');
      await expect(workspaces.remove(attemptId)).rejects.toThrow('not an attempt id');
      await expect(workspaces.release(attemptId)).rejects.toThrow('not an attempt id');
    });
  });
});
