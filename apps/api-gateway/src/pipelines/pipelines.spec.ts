import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  AttemptStarted,
  JobAssigned,
  JobQueued,
  JobSucceeded,
  PipelineFinished,
  PipelinePlanned,
  PipelineStarted,
  PlanRejected,
  triggerStream,
  type PipelineContext,
} from '@foldline/contracts';
import { closeAndRemove, startGateway, type StartedGateway } from '../gateway.fixture.ts';
import { startScheduler } from '../scheduler.fixture.ts';
import { planOf, plannedJob, sampleContext as sample } from '@foldline/testing';
import { projectIdOf } from '../projects/project-names.ts';

const base = '/api/ada/engine/pipelines';
let gateway: StartedGateway;

beforeAll(async () => {
  gateway = await startGateway();
  await startScheduler(gateway);
  const register = (owner: string) =>
    gateway.as('post', '/api/v1/projects').send({ owner, name: 'engine', url: gateway.repository.url });
  await register('ada').expect(201);
  await register('bob').expect(201);
});
afterAll(() => closeAndRemove(gateway));

const trigger = async (body: object = { ref: 'main' }, headers: Record<string, string> = {}) =>
  gateway.as('post', base).set(headers).send(body);
const requestOf = async (id: string) => (await gateway.ports.eventStore.readStream(triggerStream(id)))[0]!;

/** What planner and scheduler would record of a pipeline of one job, up to its end. */
const run = async (id: string): Promise<void> => {
  const context: PipelineContext = {
    ...sample,
    pipelineId: id,
    project: { ...sample.project, id: projectIdOf('ada', 'engine') },
  };
  const plan = planOf(plannedJob(0, 'build'));
  const because = { rule: 'first stage', detail: 'its stage is the first', jobs: [] };
  const first = { pipelineId: id, jobId: `${id}.0`, attempt: 1 };
  const cluster = { id: 'c', power: 'low-power' };
  const given = { job: plan.jobs[0]!, context, pipelineVariables: {}, artifactJobs: [] };
  await gateway.record(`plan-${id}`, id, PipelinePlanned({ pipelineId: id, context, plan }));
  await gateway.record(
    `pipeline-${id}`,
    id,
    PipelineStarted({ pipelineId: id, context, plan }),
    JobQueued({ ...first, priority: 5, because }),
  );
  await gateway.record(`pipeline-${id}`, id, JobAssigned({ ...first, runnerId: 'r', cluster, because, ...given }));
  await gateway.record(
    `attempt-${id}.0.1`,
    id,
    AttemptStarted({ ...first, attemptId: `${id}.0.1`, runnerId: 'r', executor: 'process' }),
  );
  await gateway.record(
    `pipeline-${id}`,
    id,
    JobSucceeded({ ...first, exitCode: 0 }),
    PipelineFinished({ pipelineId: id, status: 'success', context }),
  );
};

describe('triggering a pipeline', () => {
  it('is accepted with its id, its commit and where its state is', async () => {
    const { status, body, headers } = await trigger({ ref: 'develop', variables: { DEPLOY_ENV: 'staging' } });
    expect(status).toBe(202);
    expect(body).toEqual({
      id: expect.stringMatching(/^[0-9a-z]{26}$/),
      status: 'created',
      ref: 'develop',
      sha: gateway.repository.develop,
      url: `${base}/${body.id}`,
      position: expect.any(Number),
    });
    expect(headers).toMatchObject({ location: body.url, 'x-event-position': String(body.position) });
    expect(await requestOf(body.id)).toMatchObject({
      type: 'PipelineRequested',
      correlationId: body.id,
      actor: { kind: 'user', id: 'admin' },
      data: {
        ref: { name: 'develop', kind: 'branch', protected: false },
        source: 'api',
        variables: { DEPLOY_ENV: 'staging' },
      },
    });
  });

  it('can be followed by reading it at once', async () => {
    const { body, headers } = await trigger();
    const shown = await gateway.as('get', `${headers.location}?minPosition=${body.position}`).expect(200);
    expect(shown.body).toMatchObject({
      id: body.id,
      status: 'created',
      ref: 'main',
      sha: gateway.repository.main,
      jobs: [],
    });
  });

  it('gives protected variables to the default branch only', async () => {
    const set = (key: string, isProtected: boolean) =>
      gateway.as('post', '/api/ada/engine/variables').send({ key, value: 'x', protected: isProtected }).expect(201);
    await set('EVERYWHERE', false);
    await set('MAIN_ONLY', true);
    const keysAt = async (ref: string) => {
      const { data } = await requestOf((await trigger({ ref })).body.id);
      return (data as { projectVariables: { key: string }[] }).projectVariables.map(({ key }) => key).toSorted();
    };
    expect(await keysAt('main')).toEqual(['EVERYWHERE', 'MAIN_ONLY']);
    expect(await keysAt('develop')).toEqual(['EVERYWHERE']);
    expect(await keysAt(gateway.repository.main)).toEqual(['EVERYWHERE']);
  });

  it.each([
    ['unknown_ref', { ref: 'no-such-branch' }],
    ['unknown_ref', { ref: '0'.repeat(40) }],
    ['invalid_ref', { ref: '--upload-pack=x' }],
    ['invalid_variable', { ref: 'main', variables: { A: 1 } }],
    ['invalid_variable', { ref: 'main', variables: { LD_PRELOAD: '/x.so' } }],
  ])('is refused with %s for %j, and records nothing', async (code, body) => {
    const before = await gateway.ports.eventStore.lastPosition();
    const answer = await trigger(body);
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 422, code });
    expect(await gateway.ports.eventStore.lastPosition()).toBe(before);
  });
});

describe('an idempotency key', () => {
  it('makes repetitions answer as the first did', async () => {
    const first = await trigger({ ref: 'main' }, { 'Idempotency-Key': 'one' });
    const again = await Promise.all(
      Array.from({ length: 5 }, () => trigger({ ref: 'main' }, { 'Idempotency-Key': 'one' })),
    );
    for (const { status, body, headers } of again) {
      expect({ status, body, replayed: headers['idempotent-replayed'] }).toEqual({
        status: 202,
        body: first.body,
        replayed: 'true',
      });
    }
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    expect(await gateway.ports.eventStore.readStream(triggerStream(first.body.id))).toHaveLength(1);
  });

  it('that comes many times at once starts one pipeline', async () => {
    const all = await Promise.all(
      Array.from({ length: 10 }, () => trigger({ ref: 'main' }, { 'Idempotency-Key': 'at-once' })),
    );
    expect(new Set(all.map(({ body }) => body.id)).size).toBe(1);
    expect(await gateway.ports.eventStore.readStream(triggerStream(all[0]!.body.id))).toHaveLength(1);
  });

  it('is refused with another body', async () => {
    await trigger({ ref: 'main' }, { 'Idempotency-Key': 'two' });
    const other = await trigger({ ref: 'develop' }, { 'Idempotency-Key': 'two' });
    expect({ status: other.status, code: other.body.code }).toEqual({ status: 422, code: 'idempotency_key_reused' });
  });

  it('does not care in which order fields come', async () => {
    const first = await trigger({ ref: 'main', variables: { A: '1', B: '2' } }, { 'Idempotency-Key': 'three' });
    const again = await trigger({ variables: { B: '2', A: '1' }, ref: 'main' }, { 'Idempotency-Key': 'three' });
    expect(again.body.id).toBe(first.body.id);
  });

  it('means nothing to other projects and other routes', async () => {
    const mine = await trigger({ ref: 'main' }, { 'Idempotency-Key': 'shared' });
    const other = await gateway
      .as('post', '/api/bob/engine/pipelines')
      .set('Idempotency-Key', 'shared')
      .send({ ref: 'develop' });
    expect(other.status).toBe(202);
    expect(other.body.id).not.toBe(mine.body.id);
  });

  it('that is no key is refused', async () => {
    expect((await trigger({ ref: 'main' }, { 'Idempotency-Key': 'x'.repeat(256) })).status).toBe(400);
  });
});

describe('reading a pipeline', () => {
  it('shows its jobs, and 304 while nothing changes', async () => {
    const { id } = (await trigger()).body;
    await run(id);
    const { body, headers } = await gateway.as('get', `${base}/${id}`).expect(200);
    expect(body).toMatchObject({
      id,
      status: 'success',
      ref: 'main',
      jobs: [{ id: `${id}.0`, name: 'build', stage: 'test', status: 'success', attempt: 1, exitCode: 0 }],
    });
    await gateway.as('get', `${base}/${id}`).set('If-None-Match', headers.etag!).expect(304);
  });

  it('shows it as it was', async () => {
    const { id } = (await trigger()).body;
    await run(id);
    const events = (await gateway.as('get', `${base}/${id}/events?limit=100`).expect(200)).body.items as {
      type: string;
      position: number;
      recordedAt: string;
    }[];
    const statusAt = async (type: string, by: 'position' | 'recordedAt') => {
      const at = events.find((event) => event.type === type)![by];
      return (await gateway.as('get', `${base}/${id}?at=${at}`).expect(200)).body;
    };
    expect(await statusAt('PipelineRequested', 'position')).toMatchObject({ status: 'created', jobs: [] });
    expect(await statusAt('JobQueued', 'position')).toMatchObject({ status: 'running', jobs: [{ status: 'queued' }] });
    expect(await statusAt('AttemptStarted', 'position')).toMatchObject({
      status: 'running',
      jobs: [{ status: 'running' }],
    });
    expect(await statusAt('PipelineFinished', 'recordedAt')).toMatchObject({
      status: 'success',
      jobs: [{ status: 'success' }],
    });
    await gateway.as('get', `${base}/${id}?at=1`).expect(404);
  });

  it.each([
    'yesterday',
    '',
    '-1',
    '1.5',
    '1e3',
    '2030-02-30T00:00:00Z',
    '2030-13-01T00:00:00Z',
    '2030-01-01T24:30:00Z',
    '2030-01-01T00:00:00',
    '2030-01-01T00:00:00%2b99:00',
    '99999999999999999999',
  ])('shows it at no moment that there cannot be: %s', async (at) => {
    const { id } = (await trigger()).body;
    const { body } = await gateway.as('get', `${base}/${id}?at=${at}`).expect(400);
    expect(body.code).toBe('invalid_request');
  });

  it.each(['2996-02-29T00:00:00Z', '2996-01-01T23:59:59.123%2b14:00'])(
    'shows it as it is at a moment to come: %s',
    async (at) => {
      const { id } = (await trigger()).body;
      await gateway.as('get', `${base}/${id}?at=${at}`).expect(200);
    },
  );

  it('tells everything that was recorded about it, in order and in pages', async () => {
    const { id } = (await trigger()).body;
    await run(id);
    const types: string[] = [];
    for (let cursor = ''; ;) {
      const { body } = await gateway.as('get', `${base}/${id}/events?limit=3${cursor}`).expect(200);
      types.push(...body.items.map(({ type }: { type: string }) => type));
      if (!body.nextCursor) break;
      cursor = `&cursor=${body.nextCursor}`;
    }
    expect(types).toEqual([
      'PipelineRequested',
      'PipelinePlanned',
      'PipelineStarted',
      'JobQueued',
      'JobAssigned',
      'AttemptStarted',
      'JobSucceeded',
      'PipelineFinished',
    ]);
  });

  it('tells what was planned and why', async () => {
    const { id } = (await trigger()).body;
    await run(id);
    const { body } = await gateway.as('get', `${base}/${id}/plan`).expect(200);
    expect(body).toMatchObject({
      stages: ['test'],
      decisions: [{ definition: 'build', created: true }],
      jobs: [{ name: 'build' }],
    });
  });

  it('says where the problems of its definition are explained', async () => {
    const { id } = (await trigger()).body;
    const place = { severity: 'error' as const, file: '.codara-ci.yml', line: 1, column: 1 };
    const problem = { code: 'no-jobs', message: 'the pipeline would have no jobs', ...place };
    await gateway.record(`plan-${id}`, id, PlanRejected({ pipelineId: id, problems: [problem] }));
    const wanted = { problems: [{ ...problem, type: '/docs/problems/no-jobs' }] };
    expect((await gateway.as('get', `${base}/${id}`).expect(200)).body).toMatchObject(wanted);
    expect((await gateway.as('get', `${base}/${id}/plan`).expect(200)).body).toMatchObject(wanted);
  });

  it('does not show those of other projects', async () => {
    const { id } = (await trigger()).body;
    for (const path of ['', '/plan', '/events'])
      await gateway.as('get', `/api/bob/engine/pipelines/${id}${path}`).expect(404);
    await gateway.as('post', `/api/bob/engine/pipelines/${id}/cancel`).expect(404);
  });

  it('says when the read models have not come that far', async () => {
    const { id } = (await trigger()).body;
    const { headers, body } = await gateway.as('get', `${base}/${id}?minPosition=900000000`).expect(503);
    expect(body.code).toBe('read_models_behind');
    expect(headers['retry-after']).toBe('1');
  });
});

describe('listing pipelines', () => {
  it('shows the newest first, by status and by ref', async () => {
    const { id } = (await trigger({ ref: 'develop' })).body;
    await run(id);
    const success = await gateway.as('get', `${base}?status=success&limit=1`).expect(200);
    expect(success.body.items).toMatchObject([{ id, status: 'success' }]);
    const main = await gateway.as('get', `${base}?ref=main&limit=200`).expect(200);
    expect(new Set(main.body.items.map(({ ref }: { ref: string }) => ref))).toEqual(new Set(['main']));
    const positions = main.body.items.map(({ position }: { position: number }) => position);
    expect(positions).toEqual(positions.toSorted((a: number, b: number) => b - a));
  });
});

describe('cancelling a pipeline', () => {
  it('records the wish once', async () => {
    const { id } = (await trigger()).body;
    const first = await gateway.as('post', `${base}/${id}/cancel`).expect(202);
    expect(first.body).toMatchObject({ id, status: 'cancelling' });
    await gateway.as('post', `${base}/${id}/cancel`).expect(202);
    expect(await gateway.ports.eventStore.readStream(triggerStream(id))).toHaveLength(2);
  });
  it('is refused when it has ended', async () => {
    const { id } = (await trigger()).body;
    await run(id);
    const { body } = await gateway.as('post', `${base}/${id}/cancel`).expect(409);
    expect(body.code).toBe('already_finished');
  });
});
