import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Spawner } from '@foldline/spawner';
import { OutputPipes } from './output-pipes.ts';

const spawner = new Spawner();
const root = mkdtempSync(join(tmpdir(), 'foldline-output-pipes-'));
const directory = join(root, 'pipes');
const left = join(directory, '1');
afterAll(async () => {
  await spawner.close();
  rmSync(root, { recursive: true, force: true });
});

describe('pipes in a directory that has some', () => {
  beforeEach(() => {
    mkdirSync(directory, { recursive: true });
    writeFileSync(left, '');
  });

  it('leave those alone that may be of a process at work, as long as none is wanted', () => {
    new OutputPipes(directory, spawner).close();

    expect(existsSync(left)).toBe(true);
  });

  it('take the place of what an earlier process left, and go with their process', async () => {
    const pipes = new OutputPipes(directory, spawner);
    writeFileSync(join(directory, 'left'), '');
    const { path } = await pipes.take();

    expect(existsSync(path)).toBe(true);
    expect(existsSync(join(directory, 'left'))).toBe(false);
    pipes.close();
    expect(existsSync(directory)).toBe(false);
  });
});
