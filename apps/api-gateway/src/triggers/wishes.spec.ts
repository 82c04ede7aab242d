import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { JobFailed, JobSkipped, PipelineCancelling, PipelineFinished, triggerStream } from '@foldline/contracts';
import { closeAndRemove, startGatewayWithProject, type StartedGateway } from '../gateway.fixture.ts';
import { startScheduler } from '../scheduler.fixture.ts';
import { finishPipeline, startJob, type StartedJob } from '../started-job.fixture.ts';

const base = '/api/ada/engine';
let gateway: StartedGateway;
/** Pipelines whose wishes the scheduler leaves alone. */
const ungranted = new Set<string>();

beforeAll(async () => {
  gateway = await startGatewayWithProject();
  await startScheduler(gateway, async (wish) => {
    if (wish.correlationId !== 'endsfirst') return !ungranted.has(wish.correlationId);
    await finishPipeline(gateway, await endsFirst!);
    return false;
  });
});
afterAll(() => closeAndRemove(gateway));
let endsFirst: Promise<StartedJob> | undefined;

const failedJob = async (pipelineId: string): Promise<StartedJob> => {
  const job = await startJob(gateway, pipelineId);
  const attempt = { pipelineId, jobId: job.jobId, attempt: 1 };
  await gateway.record(
    `pipeline-${pipelineId}`,
    pipelineId,
    JobFailed({ ...attempt, reason: 'script_failure', exitCode: 2, allowed: false, final: true }),
  );
  return job;
};
const wishesFor = async (pipelineId: string): Promise<number> =>
  (await gateway.ports.eventStore.readStream(triggerStream(pipelineId))).length - 1;
const because = { rule: 'needs', detail: 'a job that it needs did not run', jobs: [] };

describe('the answer to a wish', () => {
  it('shows that the job runs again, and reads from its position on show it too', async () => {
    const { jobId } = await failedJob('again');
    const { body, headers } = await gateway.as('post', `${base}/jobs/${jobId}/retry`).expect(202);
    expect(body).toEqual({
      id: jobId,
      pipelineId: 'again',
      status: 'queued',
      attempt: 2,
      position: expect.any(Number),
    });
    expect(headers['x-event-position']).toBe(String(body.position));
    const [last] = (await gateway.ports.eventStore.readStream('pipeline-again')).slice(-1);
    expect(last).toMatchObject({ type: 'JobQueued', position: body.position });
    const read = await gateway.as('get', `${base}/jobs/${jobId}?minPosition=${body.position}`).expect(200);
    expect(read.body).toMatchObject({ status: 'queued', attempt: 2 });
  });

  it('shows that the manual job is queued', async () => {
    await startJob(gateway, 'played');
    const { body } = await gateway.as('post', `${base}/jobs/played.1/play`).expect(202);
    expect(body).toMatchObject({ id: 'played.1', status: 'queued' });
  });

  it('shows that the pipeline is being cancelled', async () => {
    await startJob(gateway, 'stopped');
    const { body } = await gateway.as('post', `${base}/pipelines/stopped/cancel`).expect(202);
    expect(body).toEqual({ id: 'stopped', status: 'cancelling', position: expect.any(Number) });
    const read = await gateway.as('get', `${base}/pipelines/stopped?minPosition=${body.position}`).expect(200);
    expect(read.body).toMatchObject({ status: 'cancelling', jobs: [{}, { status: 'cancelled' }] });
  });

  it('says that it is pending when the scheduler does not take it up', async () => {
    ungranted.add('nobody');
    const { jobId } = await failedJob('nobody');
    const { body } = await gateway.as('post', `${base}/jobs/${jobId}/retry`).expect(202);
    expect(body).toMatchObject({ status: 'failed', pending: true });
    expect((await gateway.ports.eventStore.readStream(triggerStream('nobody'))).at(-1)).toMatchObject({
      position: body.position,
    });
  }, 15_000);

  it('is a refusal when the pipeline ended before the wish to cancel it was heard', async () => {
    endsFirst = startJob(gateway, 'endsfirst');
    await endsFirst;
    const { body } = await gateway.as('post', `${base}/pipelines/endsfirst/cancel`).expect(409);
    expect(body.code).toBe('already_finished');
  });
});

describe('the same wish a second time', () => {
  it.each(['retry', 'play'])('is refused after %s was granted', async (wish) => {
    const { jobId, pipelineId } = await failedJob(`second${wish}`);
    const path = `${base}/jobs/${wish === 'play' ? `${pipelineId}.1` : jobId}/${wish}`;
    await gateway.as('post', path).expect(202);
    await gateway.as('post', path).expect(409);
    expect(await wishesFor(pipelineId)).toBe(1);
  });

  it.each(['retry', 'play'])('is refused when both come at once: %s', async (wish) => {
    const { jobId, pipelineId } = await failedJob(`atonce${wish}`);
    const path = `${base}/jobs/${wish === 'play' ? `${pipelineId}.1` : jobId}/${wish}`;
    const all = await Promise.all(Array.from({ length: 8 }, async () => (await gateway.as('post', path)).status));
    expect(all.toSorted()).toEqual([202, ...Array.from({ length: 7 }, () => 409)]);
    expect(await wishesFor(pipelineId)).toBe(1);
  });

  it('to cancel is answered as the first was', async () => {
    await startJob(gateway, 'stoppedtwice');
    const first = await gateway.as('post', `${base}/pipelines/stoppedtwice/cancel`).expect(202);
    const again = await gateway.as('post', `${base}/pipelines/stoppedtwice/cancel`).expect(202);
    expect(again.body).toEqual(first.body);
    expect(await wishesFor('stoppedtwice')).toBe(1);
  });

  it('with an idempotency key shows the same effect', async () => {
    const { jobId } = await failedJob('keyedwish');
    const ask = () => gateway.as('post', `${base}/jobs/${jobId}/retry`).set('Idempotency-Key', 'wish-1');
    const first = await ask().expect(202);
    const again = await ask().expect(202);
    expect(again.body).toEqual(first.body);
    expect(again.headers['idempotent-replayed']).toBe('true');
  });
});

describe('a retry that the scheduler would ignore', () => {
  it('is refused for a job that was skipped', async () => {
    await startJob(gateway, 'skipped');
    await gateway.record(
      'pipeline-skipped',
      'skipped',
      JobSkipped({ pipelineId: 'skipped', jobId: 'skipped.1', because }),
    );
    const { body } = await gateway.as('post', `${base}/jobs/skipped.1/retry`).expect(409);
    expect(body.code).toBe('job_skipped');
    expect(await wishesFor('skipped')).toBe(0);
  });

  it('is refused while the pipeline is being cancelled, and granted when it has ended', async () => {
    const job = await failedJob('cancelling');
    const { jobId, context } = job;
    const pipelineId = 'cancelling';
    await gateway.record('pipeline-cancelling', pipelineId, PipelineCancelling({ pipelineId, by: 'admin' }));
    const { body } = await gateway.as('post', `${base}/jobs/${jobId}/retry`).expect(409);
    expect(body.code).toBe('pipeline_cancelling');
    await gateway.record(
      'pipeline-cancelling',
      pipelineId,
      PipelineFinished({ pipelineId, status: 'cancelled', context }),
    );
    await gateway.as('post', `${base}/jobs/${jobId}/retry`).expect(202);
  });
});
