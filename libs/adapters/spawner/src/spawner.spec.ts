import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PermanentError, TransientError } from '@foldline/kernel';
import { Spawner, type ProgramResult } from './spawner.ts';

const LIMITS = { timeoutMs: 20_000, maxBytes: 10_000 };
const ENV = { PATH: '/usr/bin:/bin' };

let directory: string;
let spawner: Spawner;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-spawner-'));
  spawner = new Spawner();
});
afterEach(async () => {
  await spawner.close();
  rmSync(directory, { recursive: true, force: true });
});

const sh = (script: string, limits = LIMITS): Promise<ProgramResult> =>
  spawner.run({ file: '/bin/sh', args: ['-c', script], env: ENV, cwd: directory }, limits);
const text = ({ stdout, stderr, ...end }: ProgramResult): object => ({
  ...end,
  stdout: stdout.toString(),
  stderr: stderr.toString(),
});

/** Whether a process runs; one that has ended and was only not collected does not. */
const isRunning = (pid: number): boolean => {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};
const ends = async (pid: number): Promise<void> => {
  for (const until = Date.now() + 10_000; isRunning(pid) && Date.now() < until;)
    await new Promise((resolve) => setTimeout(resolve, 5));
  expect({ pid, running: isRunning(pid) }).toEqual({ pid, running: false });
};
/** The pid that a program has written to a file, once it is there. */
const pidIn = async (name: string): Promise<number> => {
  for (const until = Date.now() + 10_000; Date.now() < until;) {
    const path = join(directory, name);
    const pid = existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0;
    if (pid > 0) return pid;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`no pid in ${name}`);
};
/** The same without letting anything else go on. */
const pidAtOnce = (name: string): number => {
  const path = join(directory, name);
  for (const until = Date.now() + 10_000; Date.now() < until;) {
    const pid = existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0;
    if (pid > 0) return pid;
  }
  throw new Error(`no pid in ${name}`);
};
const processesOf = (parent: number): number[] =>
  readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
/** The process that starts programs for a spawner of this process, found by what it started. */
const parentOf = (pid: number): number => Number(/\) \w (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]);

describe('A program that is run to its end', () => {
  it('is answered with its exit code and what it wrote', async () => {
    expect(text(await sh('echo out; echo err >&2; exit 3'))).toEqual({ exitCode: 3, stdout: 'out\n', stderr: 'err\n' });
  });

  it('is answered with the signal that ended it', async () => {
    expect(text(await sh('kill -TERM $$'))).toEqual({ signal: 'SIGTERM', stdout: '', stderr: '' });
  });

  it('gets its environment and nothing else, and nothing to read', async () => {
    const { stdout } = await sh('env; cat');

    expect(stdout.toString()).toMatch(/^PATH=\/usr\/bin:\/bin$/m);
    expect(stdout.toString()).not.toContain('HOME');
  });

  it('runs beside others', async () => {
    const results = await Promise.all(Array.from({ length: 20 }, (_, n) => sh(`echo ${n}`)));

    expect(results.map(({ stdout }) => Number(stdout))).toEqual(Array.from({ length: 20 }, (_, n) => n));
  });

  it.each([
    ['there is no such program', { file: '/none', args: [], env: ENV }],
    ['it cannot be executed', { file: '/etc/passwd', args: [], env: ENV }],
    ['there is no such directory', { file: '/bin/sh', args: [], env: ENV, cwd: '/none' }],
    ['an argument cannot be said', { file: '/bin/sh', args: ['a\0b'], env: ENV }],
  ])('is an error when %s, and the next one runs', async (_what, request) => {
    await expect(spawner.run(request, LIMITS)).rejects.toBeInstanceOf(Error);

    expect((await sh('exit 0')).exitCode).toBe(0);
  });

  it('is killed with its group when the time is over, which is an error that may pass', async () => {
    const running = sh('sleep 60 & echo $! > inner; wait', { ...LIMITS, timeoutMs: 500 });
    running.catch(() => undefined);
    const inner = await pidIn('inner');

    await expect(running).rejects.toBeInstanceOf(TransientError);
    await ends(inner);
  });

  it('is answered in time although something that left its group holds its output open', async () => {
    const running = sh('setsid sleep 60 & echo $! > straggler; echo done');
    const straggler = await pidIn('straggler');
    try {
      expect(text(await running)).toEqual({ exitCode: 0, stdout: 'done\n', stderr: '' });
    } finally {
      process.kill(straggler, 'SIGKILL');
    }
  });

  it('is killed when it writes too much, which is an error that stays', async () => {
    await expect(sh('yes', { ...LIMITS, maxBytes: 1000 })).rejects.toBeInstanceOf(PermanentError);
    expect((await sh('head -c 1000 /dev/zero', { ...LIMITS, maxBytes: 1000 })).stdout).toHaveLength(1000);
  });

  it('may complain at length without harm', async () => {
    const { exitCode, stderr } = await sh('head -c 1000000 /dev/zero >&2');

    expect(exitCode).toBe(0);
    expect(stderr.length).toBeLessThanOrEqual(16 * 1024);
  });
});

describe('A program whose output goes to a pipe', () => {
  it('writes both its outputs there, in order, and tells its end', async () => {
    const pipe = join(directory, 'output');
    execFileSync('mkfifo', [pipe]);
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const script = 'echo one; echo two >&2; echo three; exit 4';
      const { pid, exited } = await spawner.start({ file: '/bin/sh', args: ['-c', script], env: ENV }, pipe);

      expect(await exited).toEqual({ exitCode: 4, usage: expect.objectContaining({ cpuMs: expect.any(Number) }) });
      expect(pid).toBeGreaterThan(0);
      expect(readFileSync(reader, 'utf8')).toBe('one\ntwo\nthree\n');
    } finally {
      closeSync(reader);
    }
  });

  it('is an error when there is no such pipe', async () => {
    const starting = spawner.start({ file: '/bin/true', args: [], env: ENV }, join(directory, 'none'));

    await expect(starting).rejects.toBeInstanceOf(Error);
  });
});

describe('When the process that starts programs dies', () => {
  it('whoever waits gets an error that may pass, what ran is killed, and the next program runs', async () => {
    const running = [sh('echo $$ > one; exec sleep 60'), sh('echo $$ > two; exec sleep 60')];
    for (const one of running) one.catch(() => undefined);
    const pids = [await pidIn('one'), await pidIn('two')];
    // Replies come in their order, so that these two are known to run.
    await sh('exit 0');

    process.kill(parentOf(pids[0]!), 'SIGKILL');

    for (const one of running) await expect(one).rejects.toBeInstanceOf(TransientError);
    for (const pid of pids) await ends(pid);
    expect((await sh('exit 0')).exitCode).toBe(0);
  });

  it('a program that was started and not yet heard of is killed, too', async () => {
    const running = sh('echo $$ > one; exec sleep 60');
    running.catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    // Nothing is read meanwhile, neither that it runs nor that its parent is dead.
    const pid = pidAtOnce('one');
    const parent = parentOf(pid);
    const known = Date.now() + 200;
    while (Date.now() < known);
    process.kill(parent, 'SIGKILL');
    while (isRunning(parent));

    await expect(running).rejects.toBeInstanceOf(TransientError);
    await ends(pid);
  });

  it('nothing breaks for those who ask before it is noticed', async () => {
    await sh('echo $PPID > parent');
    process.kill(await pidIn('parent'), 'SIGKILL');

    const asked = await Promise.allSettled(Array.from({ length: 5 }, () => sh('exit 0')));

    for (const one of asked) if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(TransientError);
    expect((await sh('exit 0')).exitCode).toBe(0);
  });
});

describe('Closing', () => {
  it('ends what still runs', async () => {
    const running = sh('echo $$ > pid; exec sleep 60');
    running.catch(() => undefined);
    const pid = await pidIn('pid');

    await spawner.close();

    await expect(running).rejects.toBeInstanceOf(TransientError);
    await ends(pid);
  });

  it('is nothing when nothing was started, and when it is closed already', async () => {
    await spawner.close();
    await expect(spawner.close()).resolves.toBeUndefined();
  });

  it('refuses whatever comes later', async () => {
    await spawner.close();

    await expect(sh('exit 0')).rejects.toBeInstanceOf(PermanentError);
  });
});

it('Every program dies with the server, also when that is killed on the spot', async () => {
  const server = `
    const { Spawner } = await import(${JSON.stringify(new URL('../dist/spawner.js', import.meta.url).href)});
    const spawner = new Spawner();
    for (let n = 0; n < 3; n += 1)
      void spawner.run(
        { file: '/bin/sh', args: ['-c', 'sleep 60 & echo $$ $!; echo $$ $! > ' + n + '; wait'], env: { PATH: '/usr/bin:/bin' }, cwd: ${JSON.stringify(directory)} },
        { timeoutMs: 60_000, maxBytes: 1000 },
      );
    console.log('started');
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', server], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  await new Promise((resolve) => lines.once('line', resolve));
  const pids: number[] = [];
  for (const name of ['0', '1', '2']) {
    for (const path = join(directory, name); !existsSync(path) || readFileSync(path, 'utf8').trim() === '';)
      await new Promise((resolve) => setTimeout(resolve, 5));
    pids.push(...readFileSync(join(directory, name), 'utf8').trim().split(' ').map(Number));
  }
  const [spawnerPid] = processesOf(child.pid!);
  expect(pids.filter(isRunning)).toHaveLength(6);

  child.kill('SIGKILL');

  for (const pid of [...pids, spawnerPid!]) await ends(pid);
});
