import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobNamed, PROJECT, Sandbox, START_MS, until, viewLog, type PipelineAnswer } from '@foldline/client';
import { Gate, isAlive } from './gate.ts';
import { outputOf } from './output.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.start();
}, START_MS);
afterAll(() => sandbox.stop(), START_MS);

const jobUrl = (pipeline: PipelineAnswer, name: string): string =>
  `/api/${PROJECT}/jobs/${jobNamed(pipeline, name).id}`;

describe('S0-56, S0-57 a pipeline', () => {
  it('is accepted with 202, its state and where to look for it', async () => {
    sandbox.commitOnly({ '.codara-ci.yml': 'build:\n  script: echo "to $DEPLOY_ENV"\n' });
    const response = await sandbox.client.raw('POST', `/api/${PROJECT}/pipelines`, {
      headers: { 'content-type': 'application/json' },
      body: '{"ref": "main", "variables": {"DEPLOY_ENV": "staging"}}',
    });
    const accepted = (await response.json()) as PipelineAnswer;
    expect(response.status).toBe(202);
    expect(accepted).toMatchObject({ status: 'created', ref: 'main', sha: sandbox.git('rev-parse', 'HEAD') });
    expect(response.headers.get('location')).toBe(`/api/${PROJECT}/pipelines/${accepted.id}`);
    const pipeline = await sandbox.rested(accepted.id);
    expect(pipeline).toMatchObject({
      status: 'success',
      jobs: [{ name: 'build', stage: 'test', status: 'success', attempt: 1, exitCode: 0 }],
    });
    expect(outputOf(await sandbox.log(jobNamed(pipeline, 'build').id))).toBe('to staging\n');
  });

  it('is shown as it was at any position and at any time', async () => {
    const pipeline = await sandbox.run('one:\n  script: "true"\ntwo:\n  script: "true"\n  needs: [one]\n');
    const url = `/api/${PROJECT}/pipelines/${pipeline.id}`;
    type Events = { items: { type: string; position: number; recordedAt: string; data: { jobId?: string } }[] };
    const { items } = await sandbox.client.get<Events>(`${url}/events?limit=200`);
    const moment = items.find(
      ({ type, data }) => type === 'JobSucceeded' && data.jobId === jobNamed(pipeline, 'one').id,
    )!;
    const then = await sandbox.client.get<PipelineAnswer>(`${url}?at=${moment.position}`);
    expect(then.status).toBe('running');
    expect(jobNamed(then, 'one').status).toBe('success');
    expect(['created', 'queued']).toContain(jobNamed(then, 'two').status);
    // Logs are sealed a moment after their jobs have ended.
    const sealed = await sandbox.rested(pipeline.id, ({ jobs }) => jobs.every(({ log }) => log?.complete));
    const last = await sandbox.client.get<PipelineAnswer>(`${url}?at=${new Date(Date.now() + 1000).toISOString()}`);
    expect(last).toEqual(sealed);
    await expect(sandbox.client.get(`${url}?at=1`)).rejects.toMatchObject({ status: 404 });
  });
});

describe('S0-58, S0-63, S0-67 the log of a job', () => {
  let gate: Gate;
  let id: string;
  let jobId: string;
  beforeAll(async () => {
    gate = new Gate(sandbox.directory, 'log');
    sandbox.commitOnly({
      '.codara-ci.yml': `talk:\n  script:\n    - echo first ümlaut\n    - ${gate.wait}\n    - echo second\n`,
    });
    ({ id } = await sandbox.trigger());
    await gate.reached();
    jobId = jobNamed(await sandbox.pipeline(id), 'talk').id;
  });

  it('comes over WebSocket while the job runs, and ends when it does', async () => {
    let seen = '';
    let opened = false;
    for await (const chunk of viewLog(sandbox.client.connection, jobId)) {
      seen += chunk;
      if (!opened && outputOf(seen).includes('first ümlaut\n')) {
        opened = true;
        expect(outputOf(seen)).not.toContain('second');
        expect(jobNamed(await sandbox.pipeline(id), 'talk').status).toBe('running');
        gate.open();
      }
    }
    await sandbox.rested(id);
    expect(opened).toBe(true);
    expect(outputOf(seen)).toBe('first ümlaut\nsecond\n');
    expect(seen).toBe(await sandbox.log(jobId));
  });

  it('goes on over WebSocket at the byte where a viewer left off', async () => {
    const whole = Buffer.from(await sandbox.log(jobId));
    for (const offset of [1, whole.length - 8, whole.length]) {
      let rest = '';
      for await (const chunk of viewLog(sandbox.client.connection, jobId, offset)) rest += chunk;
      expect(rest).toBe(whole.subarray(offset).toString('utf8'));
    }
  });

  it('comes as server-sent events with ids that resume', async () => {
    const events = async (headers: Record<string, string>) => {
      const response = await sandbox.client.raw('GET', `/api/${PROJECT}/jobs/${jobId}/logs`, {
        headers: { accept: 'text/event-stream', ...headers },
      });
      return (await response.text())
        .split('\n\n')
        .filter((block) => block.includes('data: '))
        .map((block) => ({
          id: /^id: ?(.*)$/m.exec(block)?.[1],
          event: /^event: ?(.*)$/m.exec(block)?.[1],
          data: JSON.parse(/^data: ?(.*)$/m.exec(block)![1]!) as { text?: string; offset: number },
        }));
    };
    const all = await events({});
    expect(all.at(-1)).toMatchObject({ event: 'end' });
    expect(all.map(({ data }) => data.text ?? '').join('')).toBe(await sandbox.log(jobId));
    const resumed = await events({ 'last-event-id': all[0]!.id! });
    expect(resumed.map(({ data }) => data.text ?? '').join('')).toBe(
      all
        .slice(1)
        .map(({ data }) => data.text ?? '')
        .join(''),
    );
  });

  it('is sent in part when a range is asked for', async () => {
    const whole = Buffer.from(await sandbox.log(jobId));
    const part = await sandbox.client.raw('GET', `/api/${PROJECT}/jobs/${jobId}/logs`, {
      headers: { range: 'bytes=-7' },
    });
    expect([part.status, await part.text()]).toEqual([206, 'second\n']);
    expect(part.headers.get('content-range')).toBe(`bytes ${whole.length - 7}-${whole.length - 1}/${whole.length}`);
  });

  it('is refused to who has no token', async () => {
    const { url } = sandbox.client.connection;
    expect((await fetch(`${url}/api/${PROJECT}/jobs/${jobId}/logs`)).status).toBe(401);
    const socket = viewLog({ url, token: 'a-wrong-token-of-some-length' }, jobId);
    await expect(socket.next()).rejects.toThrow('401');
  });
});

describe('S0-60 cancelling', () => {
  it('ends the processes of a running job and everything that waits behind it', async () => {
    const gate = new Gate(sandbox.directory, 'cancel');
    sandbox.commitOnly({
      '.codara-ci.yml': `stages: [one, two]\nrun:\n  stage: one\n  script:\n    - sleep 300 & echo "child $!"\n    - ${gate.wait}\nnext:\n  stage: two\n  script: echo never\n`,
    });
    const { id } = await sandbox.trigger();
    const pid = await gate.reached();
    const child = Number(
      await until(
        'the child to be logged',
        async () => /^child (\d+)$/m.exec(await sandbox.log(jobNamed(await sandbox.pipeline(id), 'run').id))?.[1],
      ),
    );
    expect([isAlive(pid), isAlive(child)]).toEqual([true, true]);
    await sandbox.client.post(`/api/${PROJECT}/pipelines/${id}/cancel`);
    const pipeline = await sandbox.rested(id);
    expect(pipeline).toMatchObject({ status: 'cancelled', jobs: [{ status: 'cancelled' }, { name: 'next' }] });
    expect(['cancelled', 'skipped']).toContain(jobNamed(pipeline, 'next').status);
    expect([isAlive(pid), isAlive(child)]).toEqual([false, false]);
    await expect(sandbox.client.post(`/api/${PROJECT}/pipelines/${id}/cancel`)).rejects.toMatchObject({
      status: 409,
      code: 'already_finished',
    });
  });
});

describe('S0-15 a timeout', () => {
  it('ends the job, which then says so', async () => {
    const pipeline = await sandbox.run('slow:\n  timeout: 1s\n  script: sleep 300\n  after_script: echo after all\n');
    expect(pipeline.status).toBe('timed_out');
    expect(jobNamed(pipeline, 'slow')).toMatchObject({ status: 'timed_out', reason: 'job_timeout' });
    const log = await sandbox.log(jobNamed(pipeline, 'slow').id);
    expect(log).toContain('it ran longer than its timeout of 1 s');
    expect(outputOf(log)).toContain('after all');
  });
});

describe('S0-20, S0-61 running again', () => {
  it('happens by itself as often as retry allows, for the reasons it names', async () => {
    const definition = `flaky:
  script: 'echo "attempt $CI_JOB_ATTEMPT"; test "$CI_JOB_ATTEMPT" -ge 3'
  retry: {max: 2, when: script_failure}
slow:
  script: sleep 300
  timeout: 1s
  retry: {max: 2, when: script_failure}
`;
    const pipeline = await sandbox.run(definition);
    expect(jobNamed(pipeline, 'flaky')).toMatchObject({ status: 'success', attempt: 3 });
    expect(jobNamed(pipeline, 'slow')).toMatchObject({ status: 'timed_out', attempt: 1 });
    const first = await sandbox.client.text(`${jobUrl(pipeline, 'flaky')}/logs?attempt=1`);
    expect(outputOf(first)).toBe('attempt 1\n');
  });

  it('happens when a person asks, and skipped jobs get their turn', async () => {
    const flag = join(sandbox.directory, 'repaired');
    const definition = `stages: [one, two]\ncheck:\n  stage: one\n  script: test -e ${flag}\nnext:\n  stage: two\n  script: "true"\n`;
    const failed = await sandbox.run(definition);
    expect(failed).toMatchObject({ status: 'failed', jobs: [{ status: 'failed' }, { status: 'skipped' }] });
    writeFileSync(flag, '');
    await sandbox.client.post(`${jobUrl(failed, 'check')}/retry`);
    const again = await sandbox.rested(failed.id, ({ status }) => status === 'success');
    expect(again).toMatchObject({ jobs: [{ status: 'success', attempt: 2 }, { status: 'success' }] });
  });

  it('is refused while the job has not ended', async () => {
    const gate = new Gate(sandbox.directory, 'retry');
    sandbox.commitOnly({ '.codara-ci.yml': `run:\n  script:\n    - ${gate.wait}\n` });
    const { id } = await sandbox.trigger();
    await gate.reached();
    const running = await sandbox.pipeline(id);
    await expect(sandbox.client.post(`${jobUrl(running, 'run')}/retry`)).rejects.toMatchObject({
      code: 'not_finished',
    });
    await expect(sandbox.client.post(`${jobUrl(running, 'run')}/play`)).rejects.toMatchObject({ code: 'not_manual' });
    gate.open();
    await sandbox.rested(id);
  });
});

describe('S0-59 artifacts over HTTP', () => {
  it('come as one archive, file by file, and as a list', async () => {
    const pipeline = await sandbox.run(
      'build:\n  script: mkdir -p dist/deep && echo app > dist/deep/app.js && chmod +x dist/deep/app.js\n  artifacts: {name: shop, paths: [dist/]}\n',
    );
    const url = `${jobUrl(pipeline, 'build')}/artifacts`;
    const archive = await sandbox.client.raw('GET', url);
    expect(archive.headers.get('content-disposition')).toContain('shop.tar.gz');
    const listing = execFileSync('tar', ['-tvzf', '-'], { input: Buffer.from(await archive.arrayBuffer()) }).toString();
    expect(listing).toMatch(/-rwx.*dist\/deep\/app\.js/);
    const file = await sandbox.client.raw('GET', `${url}/files/dist/deep/app.js`);
    expect([file.status, await file.text()]).toEqual([200, 'app\n']);
    expect(await sandbox.client.text(`${url}?path=dist/deep/app.js`)).toBe('app\n');
    for (const path of ['dist/none.js', '..%2f..%2fetc%2fpasswd', '%00'])
      expect((await sandbox.client.raw('GET', `${url}/files/${path}`)).status).toBeGreaterThanOrEqual(400);
  });
});

describe('S0-62, S0-66 metrics', () => {
  it('tell duration per stage, success, caches, sizes and use', async () => {
    const metrics = await sandbox.client.get<{
      pipelines: { successRate: number };
      stages: { stage: string; jobs: number; averageSeconds: number; successRate: number }[];
      cache: { hitRate: number | null };
      artifacts: { count: number; totalBytes: number };
      utilization: { slots: number };
    }>(`/api/${PROJECT}/metrics`);
    expect(metrics.pipelines.successRate).toBeGreaterThan(0);
    const test = metrics.stages.find(({ stage }) => stage === 'test')!;
    expect(test.jobs).toBeGreaterThan(3);
    expect(test.averageSeconds).toBeGreaterThan(0);
    expect(test.successRate).toBeLessThan(1);
    expect(metrics.artifacts).toMatchObject({ count: 1, totalBytes: 4 });
    expect(metrics.utilization.slots).toBe(10);
  });
});
