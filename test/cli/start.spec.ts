import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ApiClient, until } from '@foldline/client';
import { findLeftovers } from '../faults/lib/leftovers.mjs';
import { ROOT } from './run-cli.ts';
import { committed } from './repository.ts';

type Ended = { code: number | null; signal: NodeJS.Signals | null };
type Started = { pid: number; url: string; lines: string[]; ended: Promise<Ended> };

const LONG_JOB = 'work:\n  script: sleep 600\n';

describe('npm start', () => {
  let directory: string;
  let dataDirectory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-start-'));
    dataDirectory = join(directory, 'data');
  });
  afterEach(() => {
    // Only what a failed test has left running.
    for (const { pid } of findLeftovers(directory, dataDirectory).processes) process.kill(pid, 'SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });

  /** Through npm, in a process group of its own, up to the line that says where it listens. */
  const start = async (settings: Readonly<Record<string, string>> = {}): Promise<Started> => {
    const child = spawn('npm', ['start'], {
      cwd: ROOT,
      env: {
        ...process.env,
        FOLDLINE_PORT: '0',
        FOLDLINE_DATA_DIR: dataDirectory,
        FOLDLINE_LOG_LEVEL: 'warn',
        ...settings,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    const ended = new Promise<Ended>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
    const lines: string[] = [];
    const url = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        lines.push(line);
        const found = /listens on (http:\/\/[^\s;]+)/.exec(line)?.[1];
        if (found) resolve(found);
      });
      void ended.then(({ code }) => reject(new Error(`npm start ended with ${code}: ${lines.join('\n')}`)));
    });
    return { pid: child.pid!, url, lines, ended };
  };

  const withRunningJob = async (url: string): Promise<void> => {
    const token = readFileSync(join(dataDirectory, 'admin-token'), 'utf8').trim();
    const client = new ApiClient({ url, token });
    const repository = committed(join(directory, 'app'), { '.codara-ci.yml': LONG_JOB });
    await client.post('/api/v1/projects', { owner: 'me', name: 'app', url: repository });
    const { id } = await client.post<{ id: string }>('/api/me/app/pipelines', { ref: 'main' });
    await until('the job to run', async () => {
      const { jobs } = await client.get<{ jobs: { status: string }[] }>(`/api/me/app/pipelines/${id}`);
      return jobs.some(({ status }) => status === 'running');
    });
  };

  it.each([
    ['npm itself, as a service manager that knows one process sends it', (pid: number): number => pid],
    ['the whole process group, as a terminal sends it', (pid: number): number => -pid],
  ])(
    'stops in order and leaves nothing behind on a signal to %s',
    async (_whom, target) => {
      const { pid, url, ended } = await start();
      await withRunningJob(url);

      process.kill(target(pid), 'SIGTERM');

      expect(await ended).toEqual({ code: 0, signal: null });
      await until('all processes to be gone', () => findLeftovers(directory, dataDirectory).processes.length === 0);
      expect(findLeftovers(directory, dataDirectory)).toEqual({ processes: [], directories: [] });
      await expect(fetch(`${url}/healthz`)).rejects.toThrow();
    },
    60_000,
  );

  it('says on every start where the admin token is, and shows the token on the first alone', async () => {
    const said: string[] = [];
    while (said.length < 2) {
      const { pid, lines, ended } = await start();
      process.kill(pid, 'SIGTERM');
      await ended;
      said.push(lines.join('\n'));
    }
    const token = readFileSync(join(dataDirectory, 'admin-token'), 'utf8').trim();
    for (const lines of said) expect(lines).toMatch(new RegExp(`listens on .*${dataDirectory}/admin-token`));
    expect(said.map((lines) => lines.includes(token))).toEqual([true, false]);
  }, 60_000);

  it('names no file for a token that it was given', async () => {
    const given = 'a-token-that-is-long-enough';
    const { pid, lines, ended } = await start({ FOLDLINE_ADMIN_TOKEN: given });
    process.kill(pid, 'SIGTERM');
    await ended;
    expect(lines.join('\n')).toContain('admin token as given by FOLDLINE_ADMIN_TOKEN');
    expect(lines.join('\n')).not.toContain(given);
  }, 60_000);
});
