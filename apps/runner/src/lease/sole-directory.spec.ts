import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Refusal, type Logger } from '@foldline/kernel';
import { lockRunners } from './sole-directory.ts';

const STARTING_AT_ONCE = 4;
const START_MS = 60_000;

/** Locks a directory, says how that went, and stays. What it starts first outlives it. */
const PROGRAM = `
  import { spawn } from 'node:child_process';
  import { lockRunners } from ${JSON.stringify(new URL('../../dist/lease/sole-directory.js', import.meta.url).href)};
  const logger = { warn: (_fields, message) => console.log(message) };
  const outcome = await lockRunners({ dataDirectory: process.argv[1], path: process.env.PATH, logger }).then(
    () => 'held',
    (error) => error.code,
  );
  const { pid } = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
  console.log(JSON.stringify({ outcome, outlives: pid }));
  setInterval(() => undefined, 1_000);
`;
type Said = { outcome: string; outlives: number };

describe('the directory of a runner', () => {
  let directory: string;
  let warned: [fields: object, message: string][];
  let started: ChildProcess[];
  let outliving: number[];
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-directory-'));
    [warned, started, outliving] = [[], [], []];
  });
  afterEach(() => {
    for (const child of started) child.kill('SIGKILL');
    for (const pid of outliving) process.kill(pid, 'SIGKILL');
    rmSync(directory, { recursive: true });
  });

  const lock = (path = process.env['PATH']): Promise<void> => {
    const warn: Logger['warn'] = (fields, message) => void warned.push([fields, message]);
    const logger: Logger = { debug: () => {}, info: () => {}, warn, error: () => {} };
    return lockRunners({ dataDirectory: directory, path, logger });
  };
  /** Another process that wants it. */
  const anotherProcess = async (): Promise<{ child: ChildProcess; outcome: string }> => {
    const args = ['--input-type=module', '-e', PROGRAM, directory];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    started.push(child);
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const { outcome, outlives } = JSON.parse(line) as Said;
    outliving.push(outlives);
    return { child, outcome };
  };
  const holder = async (): Promise<ChildProcess> => {
    const { child, outcome } = await anotherProcess();
    expect(outcome).toBe('held');
    return child;
  };
  const isRefused = async (path?: string): Promise<Refusal> => {
    const refused = await lock(path).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Refusal);
    return refused as Refusal;
  };
  /** A PATH on which this is what `flock` does, before anything else there is. */
  const withFlock = (script: string): string => {
    writeFileSync(join(directory, 'flock'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return [directory, process.env['PATH']].join(delimiter);
  };

  it('is refused to a second process while the first lives, and the message says what to set', async () => {
    await holder();
    const { code, message, fields } = await isRefused();
    expect({ code, fields }).toEqual({ code: 'data_directory_taken', fields: { directory } });
    expect(message).toContain(directory);
    expect(message).toContain('FOLDLINE_DATA_DIR');
    expect(warned).toEqual([]);
  });

  it('is refused while the process that has it is stopped', async () => {
    const child = await holder();
    child.kill('SIGSTOP');
    expect((await isRefused()).code).toBe('data_directory_taken');
  });

  it('is free when the process that had it was killed, although what that had started lives on', async () => {
    const child = await holder();
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    await lock();
    expect(() => process.kill(outliving[0]!, 0)).not.toThrow();
  });

  it('is given to who asks while the process that had it is cleared away', async () => {
    const child = await holder();
    const asking = lock();
    child.kill('SIGKILL');
    await expect(asking).resolves.toBeUndefined();
  });

  it(
    'is given to one of several that start at once',
    async () => {
      const all = await Promise.all(Array.from({ length: STARTING_AT_ONCE }, anotherProcess));
      const refused = Array.from({ length: STARTING_AT_ONCE - 1 }, () => 'data_directory_taken');
      expect(all.map(({ outcome }) => outcome).toSorted()).toEqual([...refused, 'held']);
    },
    START_MS,
  );

  it('is taken without a lock, and that is said, where there is no program that locks', async () => {
    await holder();
    await lock(join(directory, 'nothing-here'));
    expect(warned).toEqual([[{ directory }, expect.stringContaining('is not locked')]]);
  });

  it('is refused where its file system cannot lock, with what the system says', async () => {
    const { code, message } = await isRefused(withFlock('echo "flock: 3: No locks available" >&2; exit 65'));
    expect(code).toBe('data_directory_unusable');
    expect(message).toContain('No locks available');
  });

  it('is not taken when whoever was to lock it was killed', async () => {
    expect((await isRefused(withFlock('kill -KILL $$'))).code).toBe('data_directory_unusable');
  });
});
