import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { serverProgram, startServerProcess, type ServerProcess } from '@foldline/client';

const LONGEST_MS = 15_000;
type Ended = { code: number | string; stdout: string; stderr: string };

/** Starts a server that cannot start, and waits for its end; `hangs` where there is none. */
const startWith = (settings: Readonly<Record<string, string>>): Promise<Ended> =>
  new Promise((resolve) => {
    const environment = { ...process.env, FOLDLINE_PORT: '0', FOLDLINE_LOG_LEVEL: 'warn', ...settings };
    execFile(
      process.execPath,
      [serverProgram()],
      { env: environment, timeout: LONGEST_MS, killSignal: 'SIGKILL' },
      (error, stdout, stderr) => resolve({ code: error?.killed ? 'hangs' : (error?.code ?? 0), stdout, stderr }),
    );
  });

describe('a server that cannot start', () => {
  let directory: string;
  let data: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-no-start-'));
    data = join(directory, 'data');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  /** Ends at once with 2 and says this in one line, which is nothing of the code. */
  const expectRefused = (ended: Ended, message: RegExp): void => {
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(message);
    expect(ended.stderr.trim().split('\n')).toHaveLength(1);
  };

  it('says that its port is in use, and has done nothing yet', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;

    const ended = await startWith({ FOLDLINE_DATA_DIR: data, FOLDLINE_PORT: String(port) });

    other.close();
    expectRefused(ended, new RegExp(`^Cannot listen on 127\\.0\\.0\\.1:${port}: .*FOLDLINE_PORT`));
    expect(existsSync(join(data, 'runners', 'jobs'))).toBe(false);
  });

  it.each(['no-such-host.invalid', '192.0.2.1'])('says that it has no such address: %s', async (host) => {
    const ended = await startWith({ FOLDLINE_DATA_DIR: data, FOLDLINE_HOST: host });
    expectRefused(ended, /^Cannot listen on \S+:0: .*FOLDLINE_HOST/);
  });

  it('says that its data directory is a file, and leaves the file as it is', async () => {
    writeFileSync(data, '');
    expectRefused(await startWith({ FOLDLINE_DATA_DIR: data }), /^The data directory \S+ cannot be used: .*a file/);
    expectRefused(await startWith({ FOLDLINE_DATA_DIR: join(data, 'below') }), /cannot be used: .*a file/);
    expect(existsSync(data)).toBe(true);
  });

  it.each(['/proc/foldline', '/proc/foldline/below', '/sys/foldline', '/proc', '/sys'])(
    'says that nothing can be made in its data directory %s',
    async (unusable) => {
      expectRefused(
        await startWith({
          FOLDLINE_DATA_DIR: unusable,
          FOLDLINE_ADMIN_TOKEN: 'a-token-that-is-long-enough',
          FOLDLINE_WEBHOOK_SECRET: 'a-secret-that-is-long-enough',
        }),
        new RegExp(`^The data directory ${unusable} cannot be used: `),
      );
    },
  );

  it('names every wrong setting at once', async () => {
    const { code, stdout, stderr } = await startWith({
      FOLDLINE_DATA_DIR: data,
      FOLDLINE_PORT: 'http',
      FOLDLINE_RUNNERS: 'big',
      FOLDLINE_ADMIN_TOKEN: 'short',
      FOLDLINE_TYPO: '1',
    });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    for (const name of ['PORT', 'RUNNERS', 'ADMIN_TOKEN', 'TYPO']) expect(stderr).toContain(`  - FOLDLINE_${name}`);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(existsSync(data)).toBe(false);
  });
});

describe('a second server on the data directory of one that runs', () => {
  let directory: string;
  let first: ServerProcess;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-second-'));
    first = await startServerProcess(directory);
  });
  afterAll(async () => {
    await first.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('does not start and says which process it is', async () => {
    const { code, stdout, stderr } = await startWith({ FOLDLINE_DATA_DIR: directory });
    // Which a server makes when it starts: else its absence above would say nothing.
    expect(existsSync(join(directory, 'runners', 'jobs'))).toBe(true);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.trim()).toMatch(new RegExp(`^${directory}\\S* is in use by process ${first.pid}$`));
  });
});
