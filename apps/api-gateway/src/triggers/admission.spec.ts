import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { JobCancelled, JobQueued, PipelineStarted } from '@foldline/contracts';
import { planOf, plannedJob, sampleContext } from '@foldline/testing';
import { closeAndRemove, startGateway, WEBHOOK_SECRET, type StartedGateway } from '../gateway.fixture.ts';
import { projectIdOf } from '../projects/project-names.ts';

// The gateway of these specs takes 5 waiting jobs, and 3 of one project.
let gateway: StartedGateway;
beforeEach(async () => {
  gateway = await startGateway();
  for (const owner of ['ada', 'bob', 'eve']) {
    const project = { owner, name: 'engine', url: gateway.repository.url };
    await gateway.as('post', '/api/v1/projects').send(project).expect(201);
  }
});
afterEach(() => closeAndRemove(gateway));

/** A pipeline of the owner's project whose jobs all wait for a runner. */
const queued = async (owner: string, count: number): Promise<string> => {
  const pipelineId = `of${owner}`;
  const project = { ...sampleContext.project, id: projectIdOf(owner, 'engine') };
  const plan = planOf(...Array.from({ length: count }, (_, n) => plannedJob(n, `job-${n}`)));
  const because = { rule: 'stage', detail: 'its turn', jobs: [] };
  const jobs = plan.jobs.map(({ index }) =>
    JobQueued({ pipelineId, jobId: `${pipelineId}.${index}`, attempt: 1, priority: 5, because }),
  );
  const context = { ...sampleContext, pipelineId, project };
  await gateway.record(`pipeline-${pipelineId}`, pipelineId, PipelineStarted({ pipelineId, context, plan }), ...jobs);
  return pipelineId;
};
const trigger = (headers: Record<string, string> = {}) =>
  gateway.as('post', '/api/ada/engine/pipelines').set(headers).send({ ref: 'main' });
const recorded = () => gateway.ports.eventStore.lastPosition();

describe('A request for a pipeline', () => {
  it('is taken while no more jobs wait than the limit says', async () => {
    await queued('ada', 3);
    await trigger().expect(202);
  });

  it('is turned away while more jobs of its project wait, with a time to come back, and nothing is recorded', async () => {
    await queued('ada', 4);
    const before = await recorded();

    const { body, headers } = await trigger().expect(429);

    expect(body).toMatchObject({ code: 'queue_full', detail: 'more than 3 jobs of this project wait for a runner' });
    expect(headers).toMatchObject({ 'retry-after': '30' });
    expect(await recorded()).toBe(before);
  });

  it('is turned away while more jobs wait altogether', async () => {
    await queued('bob', 3);
    await queued('eve', 3);

    expect((await trigger().expect(429)).body.detail).toBe('more than 5 jobs wait for a runner');
  });

  it('is taken again when the jobs have left the queue', async () => {
    const pipelineId = await queued('ada', 4);
    await gateway.record(
      `pipeline-${pipelineId}`,
      pipelineId,
      JobCancelled({ pipelineId, jobId: `${pipelineId}.0`, attempt: 1 }),
    );

    await trigger().expect(202);
  });

  it('that was taken before answers as it did then, however many wait now', async () => {
    const key = { 'Idempotency-Key': 'k1' };
    const { body } = await trigger(key).expect(202);
    await queued('ada', 4);

    expect((await trigger(key).expect(202)).body).toEqual(body);
  });
});

describe('A push', () => {
  const push = (repository: string, delivery: string) => {
    const body = JSON.stringify({
      ref: 'refs/heads/main',
      after: 'c'.repeat(40),
      repository: { full_name: repository, clone_url: `https://forge.example/${repository}.git` },
    });
    return gateway.anonymous
      .post('/v1/webhooks/github')
      .set({ 'Content-Type': 'application/json', 'X-GitHub-Event': 'push', 'X-GitHub-Delivery': delivery })
      .set('X-Hub-Signature-256', `sha256=${createHmac('sha256', WEBHOOK_SECRET).update(body).digest('hex')}`)
      .send(body);
  };

  it('is taken however many jobs wait, since the forge does not send it again', async () => {
    await queued('bob', 4);

    expect((await push('bob/engine', 'd1').expect(202)).body.outcome).toBe('triggered');
  });

  it('is turned away when its repository sent 200 within a minute, but not those of others or a redelivery', async () => {
    for (let n = 0; n < 200; n += 1) await push('bob/engine', `d${n}`).expect(202);

    const { body, headers } = await push('bob/engine', 'one-more').expect(429);

    expect(body.code).toBe('too_many_deliveries');
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(headers['retry-after'])).toBeLessThanOrEqual(60);
    await push('eve/engine', 'first').expect(202);
    await push('bob/engine', 'd7').expect(202);
  });
});
