import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CacheRestored, JobFailed, StepFinished, triggerStream } from '@foldline/contracts';
import { PermanentError } from '@foldline/kernel';
import { closeAndRemove, startGateway, type StartedGateway } from '../gateway.fixture.ts';
import { startScheduler } from '../scheduler.fixture.ts';
import { startJob, type StartedJob } from '../started-job.fixture.ts';

const base = '/api/ada/engine/jobs';
let gateway: StartedGateway;
let running: StartedJob;
let failed: StartedJob;

beforeAll(async () => {
  gateway = await startGateway();
  await startScheduler(gateway);
  for (const owner of ['ada', 'bob'])
    await gateway
      .as('post', '/api/v1/projects')
      .send({ owner, name: 'engine', url: gateway.repository.url })
      .expect(201);
  running = await startJob(gateway, 'running');
  failed = await startJob(gateway, 'failed');
  const attempt = { pipelineId: 'failed', jobId: failed.jobId, attempt: 1 };
  const step = { index: 0, name: 'script', outcome: 'failed' as const, exitCode: 2, durationMs: 5 };
  const cache = { key: 'main', result: 'miss' as const, files: 0, bytes: 0 };
  const of = { ...attempt, attemptId: failed.attemptId };
  await gateway.record(
    `attempt-${failed.attemptId}`,
    'failed',
    CacheRestored({ ...of, ...cache }),
    StepFinished({ ...of, ...step }),
  );
  await gateway.record(
    'pipeline-failed',
    'failed',
    JobFailed({ ...attempt, reason: 'script_failure', exitCode: 2, allowed: false, final: true }),
  );
});
afterAll(() => closeAndRemove(gateway));

describe('a job', () => {
  it('shows what its attempts did', async () => {
    const { body } = await gateway.as('get', `${base}/${failed.jobId}`).expect(200);
    expect(body).toMatchObject({
      id: failed.jobId,
      name: 'build',
      stage: 'test',
      status: 'failed',
      attempt: 1,
      exitCode: 2,
      steps: [{ name: 'script', exitCode: 2 }],
      caches: [{ key: 'main', result: 'miss' }],
    });
  });

  it('is not shown to other projects', async () => {
    for (const path of ['', '/why', '/logs', '/artifacts', '/artifacts/files/x']) {
      await gateway.as('get', `/api/bob/engine/jobs/${failed.jobId}${path}`).expect(404);
    }
    for (const path of ['/retry', '/play'])
      await gateway.as('post', `/api/bob/engine/jobs/${failed.jobId}${path}`).expect(404);
  });

  it('says in words why it is as it is', async () => {
    const { body } = await gateway.as('get', `${base}/${failed.jobId}/why`).expect(200);
    expect(body).toMatchObject({
      job: failed.jobId,
      status: 'failed',
      sentence: expect.stringContaining('build failed with exit code 2'),
      reason: 'script_failure',
      type: '/docs/problems/script_failure',
    });
    expect(body.decisions.map(({ event }: { event: string }) => event)).toEqual([
      'JobQueued',
      'JobAssigned',
      'JobFailed',
    ]);
    expect(body).not.toHaveProperty('waiting');
  });

  it('stands in the list of its project, by status', async () => {
    const { body } = await gateway.as('get', `${base}?status=failed`).expect(200);
    expect(body.items.map(({ id }: { id: string }) => id)).toEqual([failed.jobId]);
    expect((await gateway.as('get', '/api/bob/engine/jobs').expect(200)).body.items).toEqual([]);
  });
});

describe('the metrics of a project', () => {
  it('come from its jobs', async () => {
    const { body } = await gateway.as('get', '/api/ada/engine/metrics').expect(200);
    expect(body).toMatchObject({
      cache: { lookups: 1, misses: 1, hitRate: 0 },
      stages: [{ stage: 'test', successRate: 0 }],
    });
  });
});

describe('retrying a job', () => {
  it('is refused from a step that it does not have', async () => {
    const { body } = await gateway.as('post', `${base}/${failed.jobId}/retry`).send({ fromStep: 99 }).expect(400);
    expect(body.errors).toEqual([{ pointer: '/fromStep', message: expect.stringContaining('behind the last step') }]);
  });
  it('records the wish when it has finished', async () => {
    const { body } = await gateway.as('post', `${base}/${failed.jobId}/retry`).expect(202);
    expect(body).toMatchObject({ id: failed.jobId, pipelineId: 'failed', position: expect.any(Number) });
    const wishes = await gateway.ports.eventStore.readStream(triggerStream('failed'));
    expect(wishes.at(-1)).toMatchObject({
      type: 'JobRetryRequested',
      correlationId: 'failed',
      data: { jobId: failed.jobId },
    });
  });
  it('is refused while it runs', async () => {
    const { body } = await gateway.as('post', `${base}/${running.jobId}/retry`).expect(409);
    expect(body.code).toBe('not_finished');
  });
});

describe('a wish with an idempotency key', () => {
  it('is recorded once, and answered the same when it is no longer allowed', async () => {
    const job = await startJob(gateway, 'keyed');
    const attempt = { pipelineId: 'keyed', jobId: job.jobId, attempt: 1 };
    const ended = JobFailed({ ...attempt, reason: 'script_failure', allowed: false, final: true });
    await gateway.record('pipeline-keyed', 'keyed', ended);
    const ask = () => gateway.as('post', `${base}/${job.jobId}/retry`).set('Idempotency-Key', 'retry-1');
    const first = await ask().expect(202);
    await gateway.as('post', `${base}/${job.jobId}/retry`).expect(409);
    const again = await ask().expect(202);
    expect(again.body.position).toBe(first.body.position);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(await gateway.ports.eventStore.readStream(triggerStream('keyed'))).toHaveLength(2);
  });
});

describe('playing a job', () => {
  it('records the wish when it waits for a person', async () => {
    await gateway.as('post', `${base}/running.1/play`).expect(202);
    const wishes = await gateway.ports.eventStore.readStream(triggerStream('running'));
    expect(wishes.at(-1)).toMatchObject({ type: 'JobPlayRequested', data: { jobId: 'running.1' } });
  });
  it('is refused when it does not', async () => {
    const { body } = await gateway.as('post', `${base}/${running.jobId}/play`).expect(409);
    expect(body.code).toBe('not_manual');
  });
});

describe('environments, deployments, notifications, runners and parked events', () => {
  it.each([
    '/api/ada/engine/environments',
    '/api/ada/engine/deployments',
    '/api/ada/engine/notifications',
    '/api/v1/runners',
    '/api/v1/parked',
  ])('are listed at %s', async (path) => {
    expect((await gateway.as('get', path).expect(200)).body.items).toEqual([]);
  });
  it.each(['notifier', 'runner.one'])(
    'are parked when %s cannot handle them, and given up with a reason',
    async (by) => {
      await gateway.ports.eventBus.subscribe(by, () => Promise.reject(new PermanentError('cannot')));
      const position = await gateway.ports.eventStore.lastPosition();
      await gateway.ports.eventBus.handled(by, position);
      const { body } = await gateway.as('get', '/api/v1/parked').expect(200);
      const { group, key, error } = body.items.find((item: { group: string }) => item.group === by);
      expect({ group, error }).toEqual({
        group: by,
        error: expect.stringContaining('cannot'),
      });
      expect((await gateway.as('post', '/api/v1/parked/replay').send({ group, key }).expect(200)).body).toMatchObject({
        parked: true,
      });
      const given = await gateway
        .as('post', '/api/v1/parked/discard')
        .send({ group, key, reason: 'no longer wanted' })
        .expect(200);
      expect(given.body.discarded).toBeGreaterThan(0);
      const record = await gateway.ports.eventStore.readStream('access-parked');
      expect(record.slice(-1)).toMatchObject([
        { type: 'ParkedEventsDiscarded', data: { group, key, reason: 'no longer wanted' } },
      ]);
    },
  );
  it('cannot be replayed or given up when nothing is parked', async () => {
    await gateway.as('post', '/api/v1/parked/replay').send({ group: 'scheduler', key: 'p1' }).expect(404);
    await gateway.as('post', '/api/v1/parked/discard').send({ group: 'scheduler', key: 'p1', reason: 'x' }).expect(404);
  });
});
