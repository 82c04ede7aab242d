import { mkdirSync, readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Sandbox, START_MS, until } from '@foldline/client';
import { Gate } from './gate.ts';

type Step = {
  name: string;
  status: string;
  output: string;
  exitCode: number | null;
  duration: number | null;
  outputTruncated?: true;
  detail?: string;
};
type Job = {
  id: string;
  status: string;
  currentStep: number;
  startedAt: number | null;
  project: string;
  branch: string | null;
  sha: string;
  attempt: number;
  steps: Step[];
  caches: { key: string; result: string; files: number }[];
  error?: { code: string; message: string };
  waiting?: { code: string; position?: number };
};
type Wanted = { name: string; run: string } & Record<string, unknown>;

/** What the programs of the seed's samples do here: they leave what the real ones would leave. */
const PROGRAMS = {
  npm: `#!/bin/sh
case "$1 $2" in
  "ci ") mkdir -p node_modules/left-pad; echo left > node_modules/left-pad/index.js; echo installed ;;
  "test ") cat node_modules/left-pad/index.js; echo tested ;;
  *) echo "npm $*" ;;
esac
`,
  pip: '#!/bin/sh\nmkdir -p .venv; echo engine > .venv/lib; echo "pip $*"\n',
  pytest: '#!/bin/sh\necho "path $PYTHONPATH"; test "$PYTHONPATH" = "$PWD"\n',
  coverage: '#!/bin/sh\necho "TOTAL 87%"\n',
  go: '#!/bin/sh\necho "go $* with CGO_ENABLED=$CGO_ENABLED"\n',
};

let sandbox: Sandbox;
let sha: string;

beforeAll(async () => {
  sandbox = await Sandbox.start({ FOLDLINE_RUNNERS: 'local:low-power:2' }, PROGRAMS);
  sha = sandbox.commit({
    'package-lock.json': '{}',
    'requirements.txt': 'engine',
    'go.sum': 'x',
    'sub/where.txt': 'here',
  });
}, START_MS);
afterAll(() => sandbox?.stop(), START_MS);

const submit = (body: object): Promise<{ id: string; status: string; pipelineId: string }> =>
  sandbox.client.post('/jobs/submit', { repo: sandbox.repository, commit: 'main', ...body });
const status = (id: string): Promise<Job> => sandbox.client.get<Job>(`/jobs/status?id=${id}`);
const ended = (id: string): Promise<Job> =>
  until(`the job ${id} to end`, async () => {
    const job = await status(id);
    return !['queued', 'running'].includes(job.status) && job;
  });
const run = async (id: string, steps: Wanted[], more: object = {}): Promise<Job> => {
  await submit({ id, steps, retries: 0, ...more });
  return ended(id);
};
const listed = async (wanted: string): Promise<string[]> =>
  (await sandbox.client.get<{ items: Job[] }>(`/jobs?status=${wanted}`)).items.map(({ id }) => id);

describe('A submitted job (S1-01 to S1-19)', () => {
  it('runs its steps one after the other in its repository, and tells how each of them ended', async () => {
    const { status: first } = await submit({
      id: 'node-build-123',
      branch: 'main',
      steps: [
        { name: 'Install', run: 'npm ci' },
        { name: 'Lint', run: 'npm run lint' },
        { name: 'Test', run: 'npm test' },
        { name: 'Build', run: 'npm run build' },
      ],
      cacheKeys: ['package-lock.json'],
      timeout: 600,
    });
    expect(first).toBe('queued');

    const job = await ended('node-build-123');
    expect(job).toMatchObject({ id: 'node-build-123', status: 'success', currentStep: 3, sha, attempt: 1 });
    expect(job.startedAt).toBeGreaterThan(Date.now() - 60_000);
    expect(
      job.steps.map((step) => ({ ...step, output: step.output.includes(step.name.toLowerCase().slice(0, 4)) })),
    ).toEqual(
      ['Install', 'Lint', 'Test', 'Build'].map((name) => ({
        name,
        status: 'success',
        output: true,
        exitCode: 0,
        duration: expect.any(Number),
      })),
    );
  });

  it('knows the seed’s place of the repository in variables and directories', async () => {
    const job = await run(
      'python-test-456',
      [
        { name: 'Install', run: 'pip install -r requirements.txt' },
        { name: 'Test', run: 'pytest' },
        { name: 'Coverage', run: 'coverage report' },
        { name: 'Where', run: 'cat where.txt', workingDir: '/workspace/repo/sub' },
      ],
      { cacheKeys: ['requirements.txt'], env: { PYTHONPATH: '/workspace/repo' } },
    );
    expect(job.steps.map((step) => step.status)).toEqual(Array.from({ length: 4 }, () => 'success'));
    expect(job.steps[3]!.output).toContain('here');
  });

  it('gives each step the variables of the job and its own, which win', async () => {
    const job = await run(
      'go-build-789',
      [
        { name: 'Download', run: 'go mod download' },
        { name: 'Test', run: 'go test ./...', env: { CGO_ENABLED: '1' } },
        { name: 'Build', run: 'go build -o app; echo "$PRICE"', env: { PRICE: '$5 $CI_COMMIT_SHA' } },
      ],
      { cacheKeys: ['go.sum'], env: { CGO_ENABLED: '0' } },
    );
    expect(job.steps.map(({ output }) => /CGO_ENABLED=(\d)/.exec(output)?.[1])).toEqual(['0', '1', '0']);
    expect(job.steps[2]!.output).toContain('$5 $CI_COMMIT_SHA');
  });

  it('skips what follows a step that fails, unless that one may fail', async () => {
    const job = await run('may-fail', [
      { name: 'flaky', run: 'exit 3', continueOnError: true },
      { name: 'fails', run: 'echo on; exit 4' },
      { name: 'never', run: 'echo never' },
    ]);
    expect(job).toMatchObject({ status: 'failure', currentStep: 1, error: { code: 'script_failure' } });
    expect(job.steps).toMatchObject([
      { status: 'failure', exitCode: 3 },
      { status: 'failure', exitCode: 4 },
      { status: 'skipped', exitCode: null, output: '' },
    ]);
  });

  it('A07 ends with timeout when a step takes longer than it may, and leaves nothing running', async () => {
    const job = await run('slow-step', [
      { name: 'slow', run: 'sleep 600 & wait', timeout: 1 },
      { name: 'never', run: 'true' },
    ]);
    expect(job).toMatchObject({ status: 'timeout', error: { code: 'job_timeout' } });
    expect(job.steps.map((step) => step.status)).toEqual(['timeout', 'skipped']);
    expect(job.error!.message).toContain('"slow"');
  });

  it('A07 ends with timeout when all of it takes longer than it may', async () => {
    const job = await run('slow-job', [{ name: 'slow', run: 'sleep 600' }], { timeout: 1 });
    expect(job).toMatchObject({ status: 'timeout', steps: [{ status: 'timeout' }] });
  });

  it('A07 is tried again as often as it says, three times where it says nothing', async () => {
    await submit({ id: 'fails-always', steps: [{ name: 'fail', run: 'exit 1' }] });
    expect(await ended('fails-always')).toMatchObject({ status: 'failure', attempt: 4 });
  });

  it('shows the end of a long output', async () => {
    const job = await run('talks', [{ name: 'talk', run: 'for i in $(seq 20000); do echo line $i; done' }]);
    expect(job.steps[0]!.outputTruncated).toBe(true);
    expect(job.steps[0]!.output.endsWith('line 20000\n')).toBe(true);
    expect(job.steps[0]!.output.length).toBe(64 * 1024);
  });

  it('keeps what its lockfile is for, and finds it again', async () => {
    const steps = [
      { name: 'Install', run: 'test -e node_modules/left-pad/index.js || npm ci' },
      { name: 'Look', run: 'cat node_modules/left-pad/index.js' },
    ];
    await run('cache-1', steps, { cacheKeys: ['package-lock.json'] });
    const again = await run('cache-2', steps, { cacheKeys: ['package-lock.json'] });
    expect(again.caches).toMatchObject([
      { result: 'hit', key: expect.stringMatching(/^linux\/\w+-node\d+\.\d+-npm-[0-9a-f]{40}$/) },
    ]);
    expect(again.steps[0]!.output).not.toContain('installed');
  });

  it('S1-25 knows the lockfiles of its repository where it names none, and leads what is downloaded beside them', async () => {
    const where =
      'echo "$npm_config_cache $PIP_CACHE_DIR $GOMODCACHE"; mkdir -p "$GOMODCACHE"; touch "$GOMODCACHE/mod"';
    const job = await run('detected-1', [{ name: 'Where', run: `${where}; pwd` }]);
    const here = job.steps[0]!.output.trim().split('\n').at(-1)!;
    expect(job.steps[0]!.output).toContain(`${here}/.npm ${here}/.pip-cache ${here}/.go/pkg/mod`);

    const again = await run('detected-2', [{ name: 'Look', run: 'ls .go/pkg/mod' }]);
    expect(again.steps[0]!.output).toContain('mod');
    expect(again.caches.map(({ key }) => /-(npm|pip|go)-/.exec(key)?.[1])).toEqual(['npm', 'pip', 'go']);
  });

  it('keeps nothing where it says so', async () => {
    const job = await run('keeps-nothing', [{ name: 'Where', run: 'echo "<$GOCACHE>"' }], { cacheKeys: [] });
    expect(job.caches).toEqual([]);
    expect(job.steps[0]!.output).toContain('<>');
  });
});

describe('The commit of a submitted job (S1-04)', () => {
  it('may be the beginning of one of its branch', async () => {
    const job = await run('short', [{ name: 'which', run: 'git rev-parse HEAD' }], { commit: sha.slice(0, 8) });
    expect(job).toMatchObject({ status: 'success', sha });
    expect(job.steps[0]!.output).toContain(sha);
  });

  it('is refused when its branch has no such commit', async () => {
    const refused = submit({ id: 'nowhere', commit: 'abc1234', branch: 'main', steps: [{ name: 'a', run: 'true' }] });
    await expect(refused).rejects.toMatchObject({ status: 422, code: 'unknown_ref' });
  });
});

describe('A repository that nobody has registered', () => {
  it('gets a project of its own with its first job', async () => {
    const path = join(sandbox.directory, 'ada', 'gears');
    mkdirSync(path, { recursive: true });
    const git = (...args: string[]): string =>
      execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@foldline.example', ...args], {
        cwd: path,
        encoding: 'utf8',
      });
    git('init', '--quiet', '--initial-branch=main');
    git('commit', '--quiet', '--allow-empty', '-m', 'first');
    const both = await Promise.all(
      ['gears-1', 'gears-2'].map((id) => run(id, [{ name: 'go', run: 'true' }], { repo: path })),
    );
    expect(both).toMatchObject(both.map(() => ({ status: 'success', project: 'ada/gears' })));
  });
});

describe('The id of a submitted job (S1-03)', () => {
  const body = { id: 'once', steps: [{ name: 'go', run: 'true' }] };

  it('names one job: the same job again is that one', async () => {
    const { id, pipelineId, status: before } = await submit(body);
    expect(before).toBe('queued');
    expect(await submit(body)).toMatchObject({ id, pipelineId });
    expect(await ended('once')).toMatchObject({ status: 'success', attempt: 1 });
    expect(await submit(body)).toMatchObject({ id, pipelineId, status: 'success' });
  });

  it('is refused for another job', async () => {
    await submit(body);
    await expect(submit({ ...body, priority: 9 })).rejects.toMatchObject({ status: 422, code: 'job_id_taken' });
  });

  it('is given to a job that comes without one', async () => {
    const { id } = await submit({ steps: body.steps });
    expect(await ended(id)).toMatchObject({ id, status: 'success' });
  });
});

describe('The log of a submitted job (S1-09)', () => {
  it('comes as it is written, over all attempts, and ends with the job', async () => {
    const gate = new Gate(sandbox.directory, 'told');
    await submit({
      id: 'told',
      retries: 1,
      steps: [{ name: 'talk', run: `echo attempt $CI_JOB_ATTEMPT; ${gate.wait}; exit 1` }],
    });
    let text = '';
    for await (const line of sandbox.client.lines('/jobs/logs?id=told', '*/*')) {
      text += `${line}\n`;
      if (text.includes('attempt 1')) gate.open();
    }
    expect(text).toMatch(/"attempt":1.*attempt 1/);
    expect(text).toMatch(/"attempt":2.*attempt 2/);
    expect(text).toMatch(/event: end\ndata: \{"status":"failure"\}\n\n$/);
  });
});

describe('Submitted jobs that wait, run and end (S1-10, S1-11)', () => {
  it('are listed by how they stand, and are cancelled in either state', async () => {
    const steps = [{ name: 'hold', run: new Gate(sandbox.directory, 'hold').wait }];
    for (const id of ['runs-1', 'runs-2', 'waits']) await submit({ id, steps });
    await until('two jobs to run', async () => (await listed('running')).length === 2);
    expect((await listed('running')).toSorted()).toEqual(['runs-1', 'runs-2']);
    await until('the third to wait', async () => (await listed('queued')).join() === 'waits');

    for (const jobId of ['waits', 'runs-1', 'runs-2']) await sandbox.client.post('/jobs/cancel', { jobId });
    for (const id of ['waits', 'runs-1', 'runs-2']) expect(await ended(id)).toMatchObject({ status: 'cancelled' });
    expect(await listed('cancelled')).toEqual(expect.arrayContaining(['waits', 'runs-1', 'runs-2']));
    await expect(sandbox.client.post('/jobs/cancel', { jobId: 'waits' })).rejects.toMatchObject({
      code: 'already_finished',
    });
    expect((await status('runs-1')).steps[0]!.status).toBe('cancelled');
  });
});

describe('Submitted jobs of different priorities (A07, S1-30)', () => {
  it('begin in the order of those when there is room, and equal ones in the order in which they came', async () => {
    const gate = new Gate(sandbox.directory, 'full');
    for (const id of ['holds-1', 'holds-2']) await submit({ id, steps: [{ name: 'hold', run: gate.wait }] });
    await until('both places to be taken', async () => (await listed('running')).length === 2);
    const priorities = { low: 1, usual: 5, 'usual-too': 5, high: 10 };
    const file = join(sandbox.directory, 'order');
    for (const [id, priority] of Object.entries(priorities))
      await submit({ id, priority, steps: [{ name: 'tell', run: `echo ${id} >> ${file}` }] });
    await until('all of them to be in the queue', async () => {
      const all = await Promise.all(Object.keys(priorities).map((id) => status(id)));
      return all.every(({ waiting }) => waiting?.position !== undefined);
    });
    // One place is left, so they begin one after the other.
    await sandbox.client.post('/jobs/cancel', { jobId: 'holds-1' });
    for (const id of Object.keys(priorities)) await ended(id);
    gate.open();
    expect(readFileSync(file, 'utf8').trim().split('\n')).toEqual(['high', 'usual', 'usual-too', 'low']);
    await ended('holds-2');
  });
});

describe('What is no job', () => {
  it.each([
    [{ steps: [] }, '/steps'],
    [{ steps: [{ name: 'a' }] }, '/steps/0/run'],
    [{ steps: [{ name: 'a', run: 'true', env: { '1': 'x' } }] }, '/steps/0/env/1'],
    [{ steps: [{ name: 'a', run: 'true' }], priority: 11 }, '/priority'],
    [{ steps: [{ name: 'a', run: 'true' }], cacheKeys: ['../secret'] }, '/cacheKeys'],
    [{ steps: [{ name: 'a', run: 'true' }], cacheKeys: ['web/deps.lock'] }, '/cacheKeys/0'],
    [{ steps: [{ name: 'a', run: 'true' }], id: 'no/id' }, '/id'],
  ])('is refused with the field: %j', async (body, pointer) => {
    const refused = await sandbox.client.raw('POST', '/jobs/submit', {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ repo: sandbox.repository, ...body }),
    });
    const { errors } = (await refused.json()) as { errors: { pointer: string }[] };
    expect({ status: refused.status, at: errors.map((error) => error.pointer) }).toEqual({
      status: 400,
      at: [pointer],
    });
  });

  it('has no status', async () => {
    await expect(status('nobody')).rejects.toMatchObject({ status: 404 });
  });
});

describe('Who submits a job', () => {
  it('is answered as docs/jobs.md shows', async () => {
    const page = readFileSync(new URL('../../docs/jobs.md', import.meta.url), 'utf8');
    const [, commands] = /^```bash\n([^]*?)^```/m.exec(page)!;
    const answers = [];
    for (const command of commands!.split(/\n(?=curl )/)) {
      const path = /\$BASE([^"\s]+)/.exec(command)![1]!;
      const body = /-d '([^']+)'/.exec(command)?.[1]?.replace('https://github.com/user/repo', sandbox.repository);
      const request = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body };
      const answer = await sandbox.client.raw(body === undefined ? 'GET' : 'POST', path, request);
      answers.push([path, answer.status, await answer.text()]);
      if (path === '/jobs/submit') await ended('build-123');
    }
    expect(answers).toEqual([
      ['/jobs/submit', 202, expect.stringContaining('"id":"build-123","status":"queued"')],
      ['/jobs/status?id=build-123', 200, expect.stringContaining('"status":"success"')],
      ['/jobs/logs?id=build-123', 200, expect.stringContaining('tested')],
      ['/jobs/cancel', 409, expect.stringContaining('already_finished')],
    ]);
  });
});
