import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EXIT } from '../command-failure.ts';
import { cloneCommit } from './clone-commit.ts';

let directory: string;
let environment: Record<string, string | undefined>;
let overwritten: string;
let newest: string;
const into = (name: string): string => {
  const path = join(directory, name);
  mkdirSync(path);
  return path;
};

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-clone-'));
  environment = { PATH: process.env['PATH'], HOME: directory };
  const repository = into('repository');
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', repository, '-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...args], {
      encoding: 'utf8',
    }).trim();
  const commit = (text: string, ...how: string[]): string => {
    writeFileSync(join(repository, 'text'), text);
    git('add', '.');
    git('commit', '--quiet', '-m', text, ...how);
    return git('rev-parse', 'HEAD');
  };
  git('init', '--quiet', '--initial-branch=main');
  overwritten = commit('first\nlines\n');
  newest = commit('second\n', '--amend');
});
afterAll(() => rmSync(directory, { recursive: true }));

// With an address git speaks to the other side, and copies no directories.
const url = (): string => `file://${join(directory, 'repository')}`;

describe('A commit that is cloned', () => {
  it('is checked out, on no branch', async () => {
    const place = into('newest');
    await cloneCommit({ url: url(), sha: newest, into: place, environment });
    expect(readFileSync(join(place, 'text'), 'utf8')).toBe('second\n');
    expect(readFileSync(join(place, '.git/HEAD'), 'utf8')).toBe(`${newest}\n`);
  });

  it('is had also where no branch leads to it any more', async () => {
    const place = into('overwritten');
    await cloneCommit({ url: url(), sha: overwritten, into: place, environment });
    expect(readFileSync(join(place, 'text'), 'utf8')).toBe('first\nlines\n');
  });

  it('is byte for byte what it is, whatever git of this user makes of files', async () => {
    writeFileSync(join(directory, '.gitconfig'), '[core]\n\tautocrlf = true\n');
    const place = into('lines');
    await cloneCommit({ url: url(), sha: overwritten, into: place, environment });
    rmSync(join(directory, '.gitconfig'));
    expect(readFileSync(join(place, 'text'), 'utf8')).toBe('first\nlines\n');
  });

  it.each(['--upload-pack=touch mark', '-h', 'main', ''])('is never an option or a name: "%s"', async (sha) => {
    const place = into(`named-${sha.length}`);
    const asked = { url: url(), sha, into: place, environment };
    await expect(cloneCommit(asked)).rejects.toMatchObject({ exitCode: EXIT.failed });
    expect(readdirSync(place)).toEqual([]);
  });

  it.each(['--upload-pack=touch mark', 'ext::sh -c "touch mark"'])(
    'is of no address that runs programs: %s',
    async (address) => {
      const place = into(`address-${address.length}`);
      const asked = { url: address, sha: newest, into: place, environment };
      await expect(cloneCommit(asked)).rejects.toThrow('git could not clone');
      expect(existsSync('mark')).toBe(false);
    },
  );
});
