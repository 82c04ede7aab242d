import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TransientError } from '@foldline/kernel';
import type { TreeOperation } from '../workspace/tree-pool.ts';
import { builtProgram } from './built-program.ts';
import { ThreadClient } from './thread-client.ts';

describe('The worker that prepares workspaces', () => {
  let directory: string;
  let base: string;
  let worker: ThreadClient<TreeOperation>;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-worker-'));
    base = join(directory, 'base');
    mkdirSync(base);
    writeFileSync(join(base, 'README.md'), 'read me');
    worker = new ThreadClient({
      program: builtProgram(import.meta.url, 'workspace', 'tree.worker.js'),
      data: { directory: join(directory, 'idle') },
      doing: 'prepare a workspace',
    });
  });
  afterEach(async () => {
    await worker.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const take = (name: string, from = base): Promise<void> => {
    const target = join(directory, name);
    return worker.perform({
      kind: 'take',
      key: 'k',
      base: from,
      target,
      journal: { path: `${target}.json`, text: '' },
    });
  };

  it('does what it is asked, in order', async () => {
    await Promise.all([
      take('one'),
      worker.perform({ kind: 'giveBack', target: join(directory, 'one') }),
      take('two'),
      worker.perform({ kind: 'remove', path: base }),
    ]);

    expect(readdirSync(join(directory, 'two'))).toEqual(['README.md']);
    expect([existsSync(join(directory, 'one')), existsSync(base)]).toEqual([false, false]);
  });

  it('tells when something cannot be done, and goes on', async () => {
    await expect(take('one', join(directory, 'none'))).rejects.toThrow('prepare a workspace');

    await expect(take('two')).resolves.toBeUndefined();
  });

  it('is closed without ever having been used', async () => {
    await expect(worker.close()).resolves.toBeUndefined();
  });

  it('leaves nobody waiting when it ends, and is replaced when it is asked again', async () => {
    await take('one');
    const waiting = take('two');
    waiting.catch(() => undefined);
    await worker.close();

    const outcome = await waiting.then(
      () => undefined,
      (error: unknown) => error,
    );
    if (outcome !== undefined) expect(outcome).toBeInstanceOf(TransientError);
    await expect(take('three')).resolves.toBeUndefined();
  });
});
