import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Sandbox, START_MS, until } from '@foldline/client';
import { withPrograms } from '@foldline/testing';

type Step = { name: string; run: string };
type Job = {
  status: string;
  steps: { name: string; status: string; output: string }[];
  caches: { key: string; result: string }[];
};

/** Go compiles its own library first. */
const DONE_MS = 90_000;

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start({ FOLDLINE_RUNNERS: 'local:low-power:2' });
}, START_MS);
afterAll(() => sandbox?.stop(), START_MS);

/** A dependency as package managers get it, but from this repository: made by their own tools. */
const packed = (files: Record<string, string>, command: string, args: string[]): Record<string, Buffer> => {
  const directory = mkdtempSync(join(tmpdir(), 'foldline-package-'));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    const name = execFileSync(command, args, { cwd: directory, encoding: 'utf8' }).trim().split('\n').at(-1)!;
    return { [name]: readFileSync(join(directory, name)) };
  } finally {
    rmSync(directory, { recursive: true });
  }
};

const commit = (files: Record<string, string | Buffer>): void => {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(sandbox.repository, path, '..'), { recursive: true });
    writeFileSync(join(sandbox.repository, path), content);
  }
  sandbox.git('add', '--all');
  sandbox.git('commit', '--quiet', '--message', 'a project');
};

const ended = async (id: string, steps: Step[], more: object): Promise<Job> => {
  const job = { id, repo: sandbox.repository, commit: 'main', branch: 'main', retries: 0, steps, ...more };
  await sandbox.client.post('/jobs/submit', job);
  const look = async (): Promise<Job | false> => {
    const found = await sandbox.client.get<Job>(`/jobs/status?id=${id}`);
    return !['queued', 'running'].includes(found.status) && found;
  };
  return until(`the job ${id} to end`, look, DONE_MS);
};

/** The job is done twice: the second time with what its package manager left the first time. */
const expectDone = async (id: string, steps: Step[], more: object, shown: string): Promise<void> => {
  for (const [time, result] of ['miss', 'hit'].entries()) {
    const job = await ended(`${id}-${time}`, steps, more);
    expect(job.steps.map(({ name, status }) => [name, status])).toEqual(steps.map(({ name }) => [name, 'success']));
    expect(job.steps.map(({ output }) => output).join('')).toContain(shown);
    expect(job.caches).toMatchObject([{ result }]);
  }
};

describe('A06 the jobs of the seed, by the programs that they are about', () => {
  it(
    'builds with Node.js',
    async () => {
      const manifest = { name: 'left', version: '1.0.0', main: 'left.js' };
      const files = {
        'package.json': JSON.stringify(manifest),
        'left.js': 'module.exports = (text) => `left ${text}`;',
      };
      const tarballs = packed(files, 'npm', ['pack', '--silent']);
      const [tarball] = Object.keys(tarballs);
      const scripts = { lint: 'node --check main.js', test: 'node main.js', build: 'cp main.js built.js' };
      const dependencies = { left: `file:${tarball}` };
      commit({
        ...tarballs,
        'main.js': "console.log(require('left')('pad'));",
        'package.json': JSON.stringify({ name: 'app', version: '1.0.0', scripts, dependencies }),
      });
      execFileSync('npm', ['install', '--package-lock-only', '--offline', '--no-audit', '--no-fund', '--silent'], {
        cwd: sandbox.repository,
      });
      commit({ '.gitignore': 'node_modules\n' });
      const steps = [
        { name: 'Install', run: 'npm ci' },
        { name: 'Lint', run: 'npm run lint' },
        { name: 'Test', run: 'npm test' },
        { name: 'Build', run: 'npm run build' },
      ];
      const env = { npm_config_audit: 'false', npm_config_fund: 'false', npm_config_update_notifier: 'false' };
      await expectDone('node-build', steps, { cacheKeys: ['package-lock.json'], timeout: 600, env }, 'left pad');
    },
    DONE_MS,
  );

  withPrograms(['python3', 'pip3'], () => {
    it(
      'tests with Python',
      async () => {
        // A wheel is an archive with three files about it.
        const script = `import zipfile
about = 'engine-1.0.dist-info/'
with zipfile.ZipFile('engine-1.0-py3-none-any.whl', 'w') as wheel:
    wheel.writestr('engine.py', 'def power(): return 42')
    wheel.writestr(about + 'METADATA', 'Metadata-Version: 2.1\\nName: engine\\nVersion: 1.0\\n')
    wheel.writestr(about + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr(about + 'RECORD', '')
print('engine-1.0-py3-none-any.whl')`;
        const wheel = packed({}, 'python3', ['-c', script]);
        commit({
          ...wheel,
          'requirements.txt': './engine-1.0-py3-none-any.whl\n',
          'test_engine.py':
            'import unittest, engine\nclass T(unittest.TestCase):\n  def test_power(self): print("power", engine.power())\n',
        });
        const steps = [
          { name: 'Install', run: 'pip3 install --quiet --no-index --target .venv --upgrade -r requirements.txt' },
          { name: 'Test', run: 'python3 -m unittest -v' },
        ];
        const env = { PYTHONPATH: '/workspace/repo/.venv' };
        await expectDone('python-test', steps, { cacheKeys: ['requirements.txt'], env }, 'power 42');
      },
      DONE_MS,
    );
  });

  withPrograms(['go'], () => {
    it(
      'builds with Go',
      async () => {
        commit({
          'go.mod': 'module example.com/app\n\ngo 1.18\n',
          'go.sum': '',
          'main.go': 'package main\n\nfunc Power() int { return 42 }\n\nfunc main() { println("power", Power()) }\n',
          'main_test.go':
            'package main\n\nimport "testing"\n\nfunc TestPower(t *testing.T) { if Power() != 42 { t.Fatal() } }\n',
        });
        const steps = [
          { name: 'Download', run: 'go mod download' },
          { name: 'Test', run: 'go test ./...' },
          { name: 'Build', run: 'go build -o app && ./app' },
        ];
        const env = { CGO_ENABLED: '0', GOFLAGS: '-mod=mod -vet=off', GOTOOLCHAIN: 'local', GOPROXY: 'off' };
        await expectDone('go-build', steps, { cacheKeys: ['go.sum'], env }, 'power 42');
      },
      DONE_MS,
    );
  });

  it('are told by statistics of every range, with what came of their caches', async () => {
    const { items } = await sandbox.client.get<{ items: Job[] }>('/jobs?status=success');
    const { hits, misses } = await sandbox.client.get<{ hits: number; misses: number }>('/cache/stats');
    expect({ hits, misses }).toEqual({ hits: items.length / 2, misses: items.length / 2 });
    for (const range of ['hour', 'day', 'week'])
      expect(await sandbox.client.get(`/metrics?range=${range}`)).toMatchObject({
        totalJobs: items.length,
        successRate: 100,
        cacheHitRate: 50,
      });
    const page = await sandbox.client.raw('GET', '/dashboard');
    expect(page.status).toBe(200);
  });
});
