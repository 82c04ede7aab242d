import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openEmbeddedPorts, type EmbeddedPorts } from '@foldline/host';
import type { Settings } from '@foldline/kernel';
import { Workspaces } from './workspaces.ts';

const COMMITS = 26;
const KEPT = 20;

describe('the workspaces of a runner', () => {
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
    const { workspace } = await workspaces.prepare({
      attemptId,
      projectId: 'pr1',
      url,
      ref: 'main',
      sha,
      protected: true,
    });
    const text = readFileSync(join(workspace, 'which.txt'), 'utf8');
    await workspaces.release(attemptId);
    return text;
  };

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-workspaces-'));
    url = join(directory, 'repository');
    mkdirSync(url);
    git('init', '--quiet', '--initial-branch=main');
    commits = Array.from({ length: COMMITS }, (_, n) => commit(`commit ${n}`));
    const settings = { dataDirectory: join(directory, 'data'), logLevel: 'silent' } as Settings;
    mkdirSync(settings.dataDirectory);
    embedded = await openEmbeddedPorts(settings, []);
    workspaces = new Workspaces({ directory, repositories: embedded.ports.sourceRepository });
  });
  afterEach(async () => {
    await workspaces.close();
    await embedded.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** What lies in the checkout that every workspace of the first commit is copied from. */
  const checkedOutFile = (): string => join(directory, 'runners/checkouts', `pr1-${commits[0]!}`, 'which.txt');
  const reopened = async (): Promise<void> => {
    await workspaces.close();
    workspaces = new Workspaces({ directory, repositories: embedded.ports.sourceRepository });
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
});
