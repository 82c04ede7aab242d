import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PermanentError, TransientError } from '@foldline/kernel';
import { Spawner } from '@foldline/spawner';
import { createGit, type Git } from './git-process.ts';

describe('The git program', () => {
  let directory: string;
  let spawner: Spawner;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-git-'));
    spawner = new Spawner();
  });
  afterEach(async () => {
    await spawner.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** A program of that name which does something else. */
  const insteadOfGit = (script: string): Git => {
    writeFileSync(join(directory, 'git'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(directory, 'git'), 0o755);
    return createGit(spawner, { PATH: `${directory}:/usr/bin:/bin` });
  };

  it('answers with its exit code and what it wrote', async () => {
    const git = insteadOfGit('printf out; printf err >&2; exit 3');

    expect(await git(['x'])).toEqual({ code: 3, stdout: Buffer.from('out'), stderr: 'err' });
  });

  it('gets its arguments as they are', async () => {
    const git = insteadOfGit('for last; do :; done; printf %s "$last"');
    const hostile = '$(touch x) `id` "; rm -rf * \n--upload-pack=x';

    expect((await git([hostile])).stdout.toString()).toBe(hostile);
  });

  it('gets nothing of the environment but what it is given, and its own settings', async () => {
    const git = insteadOfGit('env');

    const { stdout } = await git(['x']);

    const names = stdout
      .toString()
      .split('\n')
      .flatMap((line) => line.split('=').slice(0, 1))
      .filter(Boolean);
    expect(names.filter((name) => !['PWD', '_', 'SHLVL', 'OLDPWD'].includes(name)).toSorted()).toEqual([
      'GIT_ALLOW_PROTOCOL',
      'GIT_ASKPASS',
      'GIT_CONFIG_GLOBAL',
      'GIT_CONFIG_NOSYSTEM',
      'GIT_SSH_COMMAND',
      'GIT_TERMINAL_PROMPT',
      'LC_ALL',
      'PATH',
    ]);
  });

  it('runs no hooks and no helpers of transports', async () => {
    const git = insteadOfGit('printf "%s\\n" "$@"');

    const { stdout } = await git(['x']);

    expect(stdout.toString()).toContain('-c\ncore.hooksPath=/dev/null\n');
    expect(stdout.toString()).toContain('-c\nprotocol.ext.allow=never\n');
  });

  it('is killed with all it started when it takes too long, which is an error that may pass', async () => {
    const git = insteadOfGit('sleep 60 & echo $! > "$0.pid"; wait');

    await expect(git(['x'], { timeoutMs: 300 })).rejects.toBeInstanceOf(TransientError);

    const pid = readFileSync(join(directory, 'git.pid'), 'utf8').trim();
    expect(stateOf(pid)).toMatch(/^[ZX]?$/);
  });

  it('is killed when it writes more than can be wanted, which is an error that stays', async () => {
    const git = insteadOfGit('yes');

    await expect(git(['x'], { maxBytes: 1000 })).rejects.toBeInstanceOf(PermanentError);
  });

  it('is an error when there is none', async () => {
    const git = createGit(spawner, { PATH: directory });

    await expect(git(['x'])).rejects.toThrow();
  });

  it('is a failure when a signal ends it', async () => {
    const git = insteadOfGit('kill -9 $$');

    expect((await git(['x'])).code).toBe(128);
  });
});

/** `Z` for a process that has ended and was not collected yet; nothing when there is none. */
const stateOf = (pid: string): string =>
  existsSync(`/proc/${pid}/stat`) ? (/\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1] ?? '') : '';
