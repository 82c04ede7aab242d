import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '@foldline/client';
import { ROOT } from './run-cli.ts';

const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

/** Commands of the fenced shell blocks, those over several lines joined. */
const commands = [...README.matchAll(/^```(?:sh|console|bash)\n([^]*?)^```/gm)]
  .flatMap(([, block]) => block!.replaceAll('\\\n', ' ').split('\n'))
  .map((line) => line.replace(/^\$ /, '').trim())
  .filter((line) => line !== '' && !line.startsWith('#'));
const AUTHOR = ['-c', 'user.name=Reader', '-c', 'user.email=reader@foldline.example', '-c', 'commit.gpgsign=false'];
const BUILT_IN = new Set(['install', 'ci', 'start', 'test']);

describe('README', () => {
  it('gives commands', () => expect(commands.length).toBeGreaterThan(3));

  it('names only npm scripts that exist', () => {
    const named = [...README.matchAll(/\bnpm (run (?:-s |--silent )?)?([a-z][a-z:-]*)/g)].map(([, isRun, name]) => ({
      name: name!,
      known: isRun ? Object.hasOwn(scripts, name!) : BUILT_IN.has(name!),
    }));
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter(({ known }) => !known)).toEqual([]);
  });
});

describe('npm start', () => {
  let directory: string;
  let repository: string;
  let url: string;
  let token: string;
  let stop: () => Promise<number | null>;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-readme-'));
    repository = join(directory, 'app');
    const git = (...args: string[]): unknown => execFileSync('git', ['-C', repository, ...AUTHOR, ...args]);
    execFileSync('git', ['init', '--quiet', '--initial-branch=main', repository]);
    git('commit', '--quiet', '--allow-empty', '-m', 'Begin');
    const child = spawn('npm', ['start'], {
      cwd: ROOT,
      env: {
        ...process.env,
        FOLDLINE_PORT: '0',
        FOLDLINE_DATA_DIR: join(directory, 'data'),
        FOLDLINE_LOG_LEVEL: 'warn',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
      // A group of its own: a signal to it reaches the server as Ctrl-C in a terminal would.
      detached: true,
    });
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    stop = () => {
      process.kill(-child.pid!, 'SIGTERM');
      return exited;
    };
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (/^ {2}fl_/.test(line)) break;
    }
    url = /listens on (http:\/\/\S+)/.exec(lines.join('\n'))![1]!;
    token = lines.at(-1)!.trim();
  }, 60_000);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('serves what README asks of it with the token it prints', async () => {
    const ask = (method: string, path: string, body?: string): Promise<Response> =>
      fetch(url + path, {
        method,
        headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
        ...(body ? { body } : {}),
      });
    const requests = commands.filter((command) => command.startsWith('curl '));
    expect(requests.length).toBeGreaterThan(1);
    for (const command of requests) {
      const [, path] = /localhost:8080(\/[^\s'"]*)/.exec(command)!;
      const body = /-d '([^']*)'/.exec(command)?.[1]?.replace(/"url": "[^"]*"/, `"url": "${repository}"`);
      const answer = await ask(body ? 'POST' : 'GET', path!, body);
      expect([command, answer.status < 300 || `${answer.status} ${await answer.text()}`]).toEqual([command, true]);
    }
    expect((await fetch(`${url}/api/docs`)).status).toBe(200);
  });

  it('stops in order on SIGTERM', async () => {
    expect(await stop()).toBe(0);
    // npm may be gone a moment before the server that it started.
    await until('the server to be gone', () =>
      fetch(`${url}/healthz`).then(
        () => false,
        () => true,
      ),
    );
  });
});
