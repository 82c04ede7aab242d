import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  AttemptStarted,
  ImageBuildAdvanced,
  ImageBuilt,
  ImageBuildStarted,
  ImagePushed,
  JobAssigned,
  JobCancelled,
  JobFailed,
  JobQueued,
  JobSucceeded,
  PipelineFinished,
  PipelineRejected,
  PipelineStarted,
  type NewEvent,
  type PipelineContext,
  type PipelineRequested,
} from '@foldline/contracts';
import { buildPlan } from '@foldline/pipeline-language';
import { closeAndRemove, startGatewayWithProject, type StartedGateway } from '../gateway.fixture.ts';
import { DeliveryMetrics } from '../operations/delivery-metrics.queries.ts';

let gateway: StartedGateway;
beforeEach(async () => {
  gateway = await startGatewayWithProject();
  await gateway.as('post', '/v1/cicd/services').send({ project: 'ada/engine', name: 'Engine' }).expect(201);
});
afterEach(() => closeAndRemove(gateway));

/** What the documents show once they show everything. */
const get = async (path: string) => {
  const position = await gateway.ports.eventStore.lastPosition();
  return (await gateway.as('get', `/v1/cicd/${path}?minPosition=${position}`).expect(200)).body;
};
const build = (body: object = {}, headers: Record<string, string> = {}) =>
  gateway.as('post', '/v1/cicd/services/1/build').set(headers).send(body);
const because = { rule: 'r', detail: 'd', jobs: [] };

type Names = { pipelineId: string; jobId: string; attempt: number };
/** What the other services record of the build that was asked for. */
const carriedOut = async (events: (names: Names, context: PipelineContext) => NewEvent[]) => {
  const { pipeline_id: pipelineId } = await get('builds/1');
  const [requested] = await gateway.ports.eventStore.readStream(`trigger-${pipelineId}`);
  const { build: asked, ...context } = requested!.data as ReturnType<typeof PipelineRequested>['data'];
  const plan = buildPlan(asked!);
  const names = { pipelineId, jobId: `${pipelineId}.0`, attempt: 1 };
  const started = PipelineStarted({ pipelineId, context: context as PipelineContext, plan });
  const given = { job: plan.jobs[0]!, context: context as PipelineContext, pipelineVariables: {}, artifactJobs: [] };
  const cluster = { id: 'c', power: 'low-power' };
  const assigned = JobAssigned({ ...names, runnerId: 'r', cluster, because, ...given });
  const queued = JobQueued({ ...names, priority: 5, because });
  await gateway.record(`pipeline-${pipelineId}`, pipelineId, started, queued, assigned);
  for (const event of events(names, context as PipelineContext)) {
    const stream = /^(?:Attempt|Image)/.test(event.type) ? `attempt-${names.jobId}.1` : `pipeline-${pipelineId}`;
    await gateway.record(stream, pipelineId, event);
  }
};
const attempt = (names: Names) => ({ ...names, attemptId: `${names.jobId}.1` });
const begun = (names: Names): NewEvent[] => [
  AttemptStarted({ ...attempt(names), runnerId: 'r', executor: 'process' }),
  ImageBuildStarted({ ...attempt(names), build: 1, logPath: '/logs/build-1.log' }),
];

const counts = async () => Object.fromEntries(await gateway.app.get(DeliveryMetrics).buildCounts());

describe('A build that is asked for', () => {
  it('is answered as the build API has it, and shows what was asked for', async () => {
    const { body, headers } = await build().expect(202);
    expect(body).toEqual({ build_id: 1, job_id: '1000000000000000010', status: 'queued' });
    expect(BigInt(body.job_id as string)).toBeGreaterThan(BigInt(Number.MAX_SAFE_INTEGER));
    expect(headers['location']).toBe('/v1/cicd/builds/1');
    const { main } = gateway.repository;
    expect(await get('builds/1')).toMatchObject({
      id: 1,
      project_id: 1,
      service_id: 1,
      git_url: gateway.repository.url,
      git_ref: 'main',
      context_path: '.',
      dockerfile: 'Dockerfile',
      image_tag: `engine:main-${main.slice(0, 7)}`,
      status: 'queued',
      log_path: null,
      started_at: null,
      finished_at: null,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
  });

  it('takes what is said of this one build instead of what the service says', async () => {
    const { url } = gateway.repository;
    await build({ git_url: url, git_ref: 'develop', context_path: 'api', dockerfile: 'Dockerfile.dev' }).expect(202);
    expect(await get('builds/1')).toMatchObject({
      git_ref: 'develop',
      context_path: 'api',
      dockerfile: 'Dockerfile.dev',
    });
  });

  it.each([
    ['another repository', { git_url: 'https://elsewhere.example/x.git' }, 'invalid_url', '/git_url'],
    ['a ref that is not there', { git_ref: 'nowhere' }, 'unknown_ref', undefined],
    ['a directory above', { context_path: '../other' }, 'invalid_request', '/context_path'],
    ['arguments that are no texts', { build_args: { A: 1 } }, 'invalid_request', '/build_args/A'],
  ])('is refused with %s', async (_what, body, code, pointer) => {
    const answer = await build(body);
    expect(answer.body).toMatchObject({ code });
    if (pointer) expect(answer.body.errors[0].pointer).toBe(pointer);
  });

  it('is one, however often it is asked for under one key, and the next has the next number', async () => {
    const key = { 'Idempotency-Key': 'k1' };
    const { body } = await build({}, key).expect(202);
    const again = await build({}, key).expect(202);
    expect(again.body).toEqual(body);
    expect(again.headers['idempotent-replayed']).toBe('true');
    await build().expect(202);
    const { items } = await get('services/1/builds');
    expect(items.map(({ id }: { id: number }) => id)).toEqual([2, 1]);
  });

  it('needs a service, and a token', async () => {
    expect((await gateway.as('post', '/v1/cicd/services/7/build').send({}).expect(404)).body.code).toBe('not_found');
    await gateway.anonymous.post('/v1/cicd/services/1/build').send({}).expect(401);
  });
});

describe('A build that goes on', () => {
  const job = () => get('jobs/1000000000000000010');

  it('is a job that waits, then runs and comes nearer to its end', async () => {
    await build();
    expect(await job()).toMatchObject({ id: '1000000000000000010', type: 'build', status: 'queued', progress: 0 });
    await carriedOut((names) => [...begun(names), ImageBuildAdvanced({ ...attempt(names), percent: 50 })]);
    expect(await job()).toMatchObject({ status: 'running', progress: 42, started_at: expect.any(String) });
    expect(await get('builds/1')).toMatchObject({ status: 'building', log_path: '/logs/build-1.log' });
  });

  it('waits until it is its turn at the runner', async () => {
    await build();
    await carriedOut((names) => [AttemptStarted({ ...attempt(names), runnerId: 'r', executor: 'process' })]);
    const waiting = { status: 'queued', started_at: null };
    expect(await job()).toMatchObject({ ...waiting, progress: 0 });
    expect(await get('builds/1')).toMatchObject(waiting);
    expect((await get('services/1/metrics')).builds.queue).toEqual({ queued: 1, running: 0 });
    expect(await counts()).toMatchObject({ queued: 1, building: 0 });
  });

  it('that was cancelled before its turn was never started', async () => {
    await build();
    await carriedOut((names) => [
      AttemptStarted({ ...attempt(names), runnerId: 'r', executor: 'process' }),
      JobCancelled(names),
    ]);
    expect(await get('builds/1')).toMatchObject({ status: 'failed', started_at: null, error: { code: 'cancelled' } });
  });

  it('that has succeeded tells its image and where that is', async () => {
    await build();
    const pushed = { reference: 'one.example/engine:main', digest: 'sha256:d' };
    await carriedOut((names) => [
      ...begun(names),
      ImageBuilt({ ...attempt(names), build: 1, imageId: 'sha256:i', tags: ['engine:main'] }),
      ImagePushed({ ...attempt(names), build: 1, ...pushed }),
      JobSucceeded(names),
    ]);
    expect(await job()).toMatchObject({ status: 'success', progress: 100, finished_at: expect.any(String) });
    expect(await get('builds/1')).toMatchObject({ status: 'success', image_id: 'sha256:i', pushed: [pushed] });
  });

  it('that has failed says why, in a code and in words', async () => {
    await build();
    await carriedOut((names) => [
      ...begun(names),
      JobFailed({ ...names, reason: 'dockerfile_missing', detail: 'no such file', allowed: false, final: true }),
    ]);
    const error = { code: 'dockerfile_missing', message: 'no such file' };
    expect(await get('builds/1')).toMatchObject({ status: 'failed', error });
    expect(await job()).toMatchObject({ status: 'failed' });
  });

  it('that could not be planned says why', async () => {
    await build();
    const { pipeline_id: pipelineId } = await get('builds/1');
    const place = { file: 'Dockerfile', line: 1, column: 1 };
    const problem = { code: 'commit-unavailable', severity: 'error' as const, message: 'no answer', ...place };
    await gateway.record(`pipeline-${pipelineId}`, pipelineId, PipelineRejected({ pipelineId, problems: [problem] }));
    expect(await get('builds/1')).toMatchObject({
      status: 'failed',
      error: { code: problem.code, message: 'no answer' },
    });
    await gateway.as('get', '/v1/cicd/builds/1/logs').expect(404);
  });

  it('has a log, also while it is written', async () => {
    await build();
    let attemptId = '';
    await carriedOut((names) => {
      attemptId = attempt(names).attemptId;
      return begun(names);
    });
    await gateway.ports.logStore.append(attemptId, { sequence: 0, offset: 0, bytes: Buffer.from('#1 FROM\n') });
    const { text, headers } = await gateway.as('get', '/v1/cicd/builds/1/logs').expect(200);
    expect(text).toBe('#1 FROM\n');
    expect(headers['x-log-complete']).toBe('false');
  });

  it('is not cancelled any more once it has ended', async () => {
    await build();
    await carriedOut((names) => [...begun(names), JobSucceeded(names)]);
    for (const path of ['builds/1', 'jobs/1000000000000000010'])
      expect((await gateway.as('post', `/v1/cicd/${path}/cancel`).expect(409)).body.code).toBe('already_finished');
  });
});

describe('S2-37 The metrics of builds', () => {
  it('tell how many there are, how they ended and how long they took', async () => {
    for (let asked = 0; asked < 3; asked += 1) await build();
    await carriedOut((names, context) => [
      ...begun(names),
      JobSucceeded(names),
      PipelineFinished({ pipelineId: names.pipelineId, status: 'success', context }),
    ]);
    const { pipeline_id: pipelineId } = await get('builds/2');
    await gateway.record(`pipeline-${pipelineId}`, pipelineId, PipelineRejected({ pipelineId, problems: [] }));
    const { builds } = await get('services/1/metrics');
    expect(builds).toMatchObject({
      count: 3,
      by_status: { queued: 1, building: 0, success: 1, failed: 1 },
      success_rate: 0.5,
      queue_seconds: { median: expect.any(Number), p95: expect.any(Number) },
      run_seconds: { median: expect.any(Number) },
      queue: { queued: 1, running: 0 },
    });
    expect(await counts()).toEqual({ queued: 1, building: 0, success: 1, failed: 1 });
  });

  it('tell what is being built', async () => {
    await build();
    await carriedOut(begun);
    expect((await get('services/1/metrics')).builds.queue).toEqual({ queued: 0, running: 1 });
    expect(await counts()).toEqual({ queued: 0, building: 1, success: 0, failed: 0 });
  });
});

describe('A number that nobody has given', () => {
  it.each([
    'builds/1',
    'builds/0',
    'builds/x',
    'jobs/1',
    'jobs/1000000000000000010',
    'jobs/1640995200000000000',
    'services/9',
  ])('%s is not there', (path) => gateway.as('get', `/v1/cicd/${path}`).expect(404));
});
