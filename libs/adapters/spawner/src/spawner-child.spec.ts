import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { SpawnRequest } from './messages.ts';

const PROGRAM = new URL('../dist/spawner-child.js', import.meta.url);

describe('the spawner process', () => {
  let directory: string;
  let child: ChildProcess;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-spawner-'));
    child = fork(PROGRAM, { serialization: 'advanced', env: {}, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  });
  afterEach(() => {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });

  it('ends with its server also when that dies before anybody reads the output of a program', async () => {
    const pipe = join(directory, 'output');
    execFileSync('mkfifo', [pipe]);
    const request: SpawnRequest = { id: 0, file: '/bin/sleep', args: ['60'], env: {}, output: { pipe } };
    child.send({ id: 1, file: '/bin/true', args: [], env: {}, output: { captureBytes: 0 } } satisfies SpawnRequest);
    await once(child, 'message');
    const gone = once(child, 'exit');

    await new Promise((resolve) => child.send(request, resolve));
    child.disconnect();

    expect(await gone).toEqual([0, null]);
  });
});
