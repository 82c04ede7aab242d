import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Execution, Executor } from '@foldline/kernel';
import { executorContract } from '@foldline/testing';
import { Spawner } from '@foldline/spawner';
import { createProcessExecutor, markOf } from './process-executor.ts';
import { MARKER, markedProcesses } from './process-table.ts';

const baseEnvironment = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: tmpdir() };
const spawner = new Spawner();
const directory = mkdtempSync(join(tmpdir(), 'foldline-pipes-'));
const newExecutor = (own = directory) => createProcessExecutor({ baseEnvironment, spawner, directory: own });
const marked = (attemptId: string): number[] => markedProcesses(markOf(attemptId, directory));
afterAll(async () => {
  await spawner.close();
  rmSync(directory, { recursive: true, force: true });
});

executorContract('process', () => ({
  executor: newExecutor(),
  alive: (attemptId) => marked(attemptId).length,
}));

/** Who runs under this command line. */
const pidsOf = (commandLine: string): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && commandLineOf(pid) === commandLine);
const commandLineOf = (pid: number): string | undefined => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return undefined;
  }
};

describe('processes of this host', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'foldline-process-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const start = async (executor: Executor, job: ReturnType<typeof spec>): Promise<Execution> =>
    (await executor.open(job)).start(job);

  const spec = (commands: string[]) => ({
    attemptId: `process${process.pid}.0.1`,
    commands,
    workspace: root,
    scratchDirectory: root,
    environment: {},
    onOutput: () => undefined,
  });

  it('sweeps what a runner left that was killed with -9', async () => {
    const attemptId = `crashed${process.pid}.0.1`;
    const runner = `
      const { spawn } = require('node:child_process');
      const job = spawn('/bin/sh', ['-c', 'setsid sleep 1000 & echo up; sleep 1000'],
        { detached: true, stdio: ['ignore', 'pipe', 'ignore'], env: { PATH: process.env.PATH, ${MARKER}: '${markOf(attemptId, directory)}' } });
      job.stdout.once('data', () => process.stdout.write('up'));`;
    const parent = spawn(process.execPath, ['-e', runner], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(parent.stdout, 'data');
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    expect(marked(attemptId).length).toBeGreaterThanOrEqual(2);
    expect((await newExecutor().sweep(attemptId)).killed).toBeGreaterThanOrEqual(2);
    expect(marked(attemptId)).toEqual([]);
  });

  it('leaves the processes of another executor alone, also when they are of an attempt of the same name', async () => {
    const other = mkdtempSync(join(root, 'other-'));
    const job = { ...spec(['sleep 1000']), scratchDirectory: other };
    const running = await start(newExecutor(other), job);
    expect(await newExecutor().sweep(job.attemptId)).toEqual({ killed: 0 });
    await (
      await start(newExecutor(), spec(['true']))
    ).finished;
    expect(markedProcesses(markOf(job.attemptId, other))).not.toEqual([]);
    running.stop(0);
    await running.finished;
  });

  it('finds what gave up environment and session, and only holds the output', async () => {
    const seconds = `1000.${process.pid}`;
    const job = spec([
      `env -i setsid sleep ${seconds} & while ! pgrep -f '^sleep ${seconds}$' > /dev/null; do :; done`,
    ]);
    await (
      await start(newExecutor(), job)
    ).finished;

    const left = pidsOf(`sleep\0${seconds}\0`);
    for (const pid of left) process.kill(pid, 'SIGKILL');
    expect(left).toEqual([]);
  });

  it('finds what a job detaches in the very moment of its end', async () => {
    const executor = newExecutor();
    const ids = Array.from({ length: 300 }, (_, n) => `detached${process.pid}.${n}.1`);
    const waiting = [...ids];
    const worker = async (): Promise<void> => {
      for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
        const job = { ...spec(['(setsid sleep 1000 > /dev/null 2>&1 &)', 'true']), attemptId: id };
        await (
          await start(executor, job)
        ).finished;
      }
    };
    await Promise.all(Array.from({ length: 6 }, worker));

    const left = ids.flatMap((id) => marked(id));
    for (const pid of left) process.kill(pid, 'SIGKILL');
    expect(left).toEqual([]);
  });

  it('leaves neither its script nor a descriptor behind', async () => {
    const executor = newExecutor();
    await (
      await start(executor, spec(['true']))
    ).finished;
    const before = readdirSync('/proc/self/fd').length;
    for (let n = 0; n < 3; n += 1) await (await start(executor, spec(['true']))).finished;
    await expect(start(executor, { ...spec(['true']), workspace: join(root, 'none') })).rejects.toThrow();
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before);
    expect(readdirSync(root)).toEqual([]);
  });
});
