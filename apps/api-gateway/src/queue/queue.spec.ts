import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  AttemptStarted,
  JobAssigned,
  JobQueued,
  JobSucceeded,
  PipelineRequested,
  PipelineStarted,
  RunnerDraining,
  RunnerRegistered,
  type PlannedJob,
} from '@foldline/contracts';
import { planOf, plannedJob, runnerOffer, sampleContext } from '@foldline/testing';
import { closeAndRemove, startGatewayWithProject, type StartedGateway } from '../gateway.fixture.ts';
import { projectIdOf } from '../projects/project-names.ts';

const because = { rule: 'first stage', detail: 'its stage is the first', jobs: [] };
const cluster = { id: 'small', power: 'low-power' };
const project = { ...sampleContext.project, id: projectIdOf('ada', 'engine') };

let gateway: StartedGateway;
beforeAll(async () => {
  gateway = await startGatewayWithProject();
});
afterAll(() => closeAndRemove(gateway));

const stream = (pipelineId: string) => `pipeline-${pipelineId}` as const;
/** A pipeline all of whose jobs are queued. */
const queue = async (pipelineId: string, ...jobs: [string, Partial<PlannedJob>?][]): Promise<void> => {
  const context = { ...sampleContext, pipelineId, project };
  const { ref, source, variables, projectVariables, secrets } = context;
  const wanted = { pipelineId, project, ref, source, variables, projectVariables, secrets };
  await gateway.record(`trigger-${pipelineId}`, pipelineId, PipelineRequested(wanted));
  const planned = jobs.map(([name, more], index) => plannedJob(index, name, more));
  await gateway.record(
    stream(pipelineId),
    pipelineId,
    PipelineStarted({ pipelineId, context, plan: planOf(...planned) }),
    ...planned.map(({ index, priority }) =>
      JobQueued({ pipelineId, jobId: `${pipelineId}.${index}`, attempt: 1, priority, because }),
    ),
  );
};
const begin = async (pipelineId: string, index: number, runnerId: string): Promise<void> => {
  const jobId = `${pipelineId}.${index}`;
  const first = { pipelineId, jobId, attempt: 1 };
  const context = { ...sampleContext, pipelineId, project };
  const given = { job: plannedJob(index, 'x'), context, pipelineVariables: {}, artifactJobs: [], because };
  await gateway.record(stream(pipelineId), pipelineId, JobAssigned({ ...first, runnerId, cluster, ...given }));
  const attemptId = `${jobId}.1`;
  const started = AttemptStarted({ ...first, attemptId, runnerId, executor: 'process' });
  await gateway.record(`attempt-${attemptId}`, pipelineId, started);
};
const end = (pipelineId: string, index: number) =>
  gateway.record(
    stream(pipelineId),
    pipelineId,
    JobSucceeded({ pipelineId, jobId: `${pipelineId}.${index}`, attempt: 1 }),
  );
const get = async (path: string) => (await gateway.as('get', path).expect(200)).body;
const job = (id: string) => get(`/api/ada/engine/jobs/${id}`);

describe('The queue', () => {
  beforeAll(async () => {
    const offer = runnerOffer({ slots: 1 });
    await gateway.record('runner-r1', 'runner-r1', RunnerRegistered({ runnerId: 'r1', epoch: 'e', offer }));
    await queue('past', ['build']);
    await begin('past', 0, 'r1');
    await end('past', 0);
    await queue('p1', ['unknown'], ['build'], ['test', { priority: 8 }], ['gpu', { runner: { tags: ['gpu'] } }]);
    await begin('p1', 0, 'r1');
  });

  it('lists those that wait with their position and the reason, the more important first', async () => {
    const { items } = await get('/api/v1/queue');
    expect(items).toMatchObject([
      {
        id: 'p1.2',
        name: 'test',
        project: 'ada/engine',
        pipelineId: 'p1',
        priority: 8,
        url: '/api/ada/engine/jobs/p1.2',
        waiting: { code: 'runners_busy', position: 1 },
      },
      { id: 'p1.1', waiting: { code: 'runners_busy', position: 2 } },
      { id: 'p1.3', waiting: { code: 'no_tags', position: 3 } },
    ]);
    expect(items[0].waiting).not.toHaveProperty('runners');
  });

  it('is read in pages', async () => {
    const seen: string[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await get(`/api/v1/queue?limit=2${cursor === undefined ? '' : `&cursor=${cursor}`}`);
      seen.push(...page.items.map(({ id }: { id: string }) => id));
      cursor = page.nextCursor;
      if (cursor === undefined) break;
    }
    expect(seen).toEqual(['p1.2', 'p1.1', 'p1.3']);
    await gateway.as('get', '/api/v1/queue?cursor=!').expect(400);
    await gateway.as('get', '/api/v1/queue?limit=0').expect(400);
    await gateway.anonymous.get('/api/v1/queue').expect(401);
  });

  it('tells in a job what each runner has to do with it', async () => {
    expect((await job('p1.1')).waiting).toEqual({
      code: 'runners_busy',
      detail: 'the runners that could take it have no room: r1',
      position: 2,
      runners: [{ id: 'r1', code: 'busy', detail: '1 of 1 slots are taken' }],
    });
    expect((await job('p1.3')).waiting.runners).toEqual([
      { id: 'r1', code: 'no_tags', detail: 'it lacks the tags gpu' },
    ]);
  });

  it('tells it in the pipeline, whose tag changes with it', async () => {
    const path = '/api/ada/engine/pipelines/p1';
    const { headers, body } = await gateway.as('get', path).expect(200);
    expect(body.jobs.map(({ waiting }: { waiting?: { position: number } }) => waiting?.position)).toEqual([
      undefined,
      2,
      1,
      3,
    ]);
    await gateway.as('get', path).set('If-None-Match', headers['etag']!).expect(304);
    await queue('p2', ['urgent', { priority: 10 }]);
    const { body: later } = await gateway.as('get', path).set('If-None-Match', headers['etag']!).expect(200);
    expect(later.jobs[2].waiting.position).toBe(2);
  });

  it('tells what a pipeline waited for only as it is now', async () => {
    const { jobs } = await get('/api/ada/engine/pipelines/p1?at=2999-01-01T00:00:00Z');
    expect(jobs[1]).not.toHaveProperty('waiting');
  });

  it('no longer holds those that have been given to a runner', async () => {
    await end('p1', 0);
    await begin('p1', 1, 'r1');
    const { items } = await get('/api/v1/queue');
    expect(items.map(({ id }: { id: string }) => id)).toEqual(['p2.0', 'p1.2', 'p1.3']);
    expect(await job('p1.1')).not.toHaveProperty('waiting');
  });

  it('tells that what could take a job is being drained', async () => {
    await gateway.record('runner-r1', 'runner-r1', RunnerDraining({ runnerId: 'r1', epoch: 'e' }));
    expect((await job('p2.0')).waiting).toMatchObject({
      code: 'runners_draining',
      runners: [{ id: 'r1', code: 'draining' }],
    });
  });
});
