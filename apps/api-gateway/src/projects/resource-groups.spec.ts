import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  JobAwaitsResource,
  PipelineRequested,
  PipelineStarted,
  ProcessModeSet,
  ResourceExpected,
  ResourceGranted,
  groupStream,
  projectStream,
  triggerStream,
  type PipelineContext,
} from '@foldline/contracts';
import { planOf, plannedJob, sampleContext } from '@foldline/testing';
import { closeAndRemove, startGateway, type StartedGateway } from '../gateway.fixture.ts';
import { projectIdOf } from './project-names.ts';

const base = '/api/ada/engine/resource-groups';
const projectId = projectIdOf('ada', 'engine');
const group = { groupId: 'g1', projectId, group: 'review/main' };
const requestOf = ({ pipelineId, project, ref, source, variables }: PipelineContext) => ({
  pipelineId,
  project,
  ref,
  source,
  variables,
  projectVariables: [],
  secrets: [],
});
let gateway: StartedGateway;

beforeAll(async () => {
  gateway = await startGateway();
  for (const owner of ['ada', 'bob'])
    await gateway
      .as('post', '/api/v1/projects')
      .send({ owner, name: 'engine', url: gateway.repository.url })
      .expect(201);
  const project = { ...sampleContext.project, id: projectId };
  const deploy = plannedJob(0, 'deploy', { resourceGroup: group.group });
  for (const pipelineId of ['p1', 'p2']) {
    const context = { ...sampleContext, pipelineId, project };
    await gateway.record(triggerStream(pipelineId), pipelineId, PipelineRequested(requestOf(context)));
    await gateway.record(
      `pipeline-${pipelineId}`,
      pipelineId,
      PipelineStarted({ pipelineId, context, plan: planOf(deploy) }),
      JobAwaitsResource({
        pipelineId,
        jobId: `${pipelineId}.0`,
        attempt: 1,
        projectId,
        group: group.group,
        because: { rule: 'first stage', detail: 'its stage is the first', jobs: [] },
      }),
    );
  }
  await gateway.record(
    groupStream('g1'),
    'group-g1',
    ResourceExpected({ ...group, pipelineId: 'p1', indexes: [0] }),
    ResourceGranted({ ...group, pipelineId: 'p1', jobId: 'p1.0', attempt: 1 }),
  );
});
afterAll(() => closeAndRemove(gateway));

const at = (name: string): string => `${base}/${encodeURIComponent(name)}`;
const configure = (name: string, processMode: unknown) => gateway.as('patch', at(name)).send({ processMode });

describe('a resource group', () => {
  it('is shown with the job that holds it and those that wait', async () => {
    const { body } = await gateway.as('get', at('review/main')).expect(200);
    expect(body).toEqual({
      name: 'review/main',
      processMode: 'unordered',
      holder: { pipelineId: 'p1', jobId: 'p1.0', since: expect.any(String) },
      waiting: ['p1', 'p2'].map((pipelineId) => ({
        id: `${pipelineId}.0`,
        pipelineId,
        name: 'deploy',
        since: expect.any(String),
      })),
    });
  });

  it('is listed in its project, and in no other', async () => {
    const { body } = await gateway.as('get', base).expect(200);
    expect(body.items).toMatchObject([{ name: 'review/main', processMode: 'unordered', holder: { jobId: 'p1.0' } }]);
    const other = await gateway.as('get', '/api/bob/engine/resource-groups').expect(200);
    expect(other.body).toEqual({ items: [] });
  });

  it('that nobody ever used is not found', async () => {
    await gateway.as('get', at('review')).expect(404);
    await gateway.as('get', `/api/bob/engine/resource-groups/review%2Fmain`).expect(404);
  });

  it('tells a waiting job who holds it', async () => {
    const waiting = {
      code: 'resource_group',
      detail: 'the resource group "review/main" is held by job p1.0',
    };
    const job = await gateway.as('get', '/api/ada/engine/jobs/p2.0').expect(200);
    expect(job.body).toMatchObject({ status: 'waiting_for_resource', resourceGroup: 'review/main', waiting });
    const why = await gateway.as('get', '/api/ada/engine/jobs/p2.0/why').expect(200);
    expect(why.body).toMatchObject({ waiting, sentence: expect.stringContaining('is held by job p1.0') });
  });
});

describe('the order of a resource group', () => {
  const modes = async () =>
    (await gateway.ports.eventStore.readStream(projectStream(projectId)))
      .filter(({ type }) => type === 'ResourceGroupConfigured')
      .map(({ data }) => data);

  it('is asked for, also before there is a job of it, and the same again is nothing new', async () => {
    const { body, headers } = await configure('production', 'oldest_first').expect(200);
    expect(body).toEqual({ name: 'production', processMode: 'oldest_first', position: expect.any(Number) });
    expect(headers['x-event-position']).toBe(String(body.position));
    await configure('production', 'oldest_first').expect(200);
    expect(await modes()).toEqual([{ projectId, group: 'production', processMode: 'oldest_first' }]);
  });

  it('is shown once the scheduler holds to it', async () => {
    const set = ProcessModeSet({ groupId: 'g2', projectId, group: 'production', processMode: 'oldest_first' });
    await gateway.record(groupStream('g2'), 'group-g2', set);
    const { body } = await gateway.as('get', at('production')).expect(200);
    expect(body).toEqual({ name: 'production', processMode: 'oldest_first', waiting: [] });
  });

  it.each([undefined, 'fastest_first', 3])('is not %s', async (mode) => {
    await configure('production', mode)
      .expect(400)
      .expect(/processMode/);
  });

  it.each(['a$b', 'a\nb', 'x'.repeat(256)])('is not that of a group of a name like %j', async (name) => {
    await configure(name, 'unordered')
      .expect(422)
      .expect(/invalid_name/);
  });

  it('is nothing for a project that does not exist', async () => {
    await gateway.as('patch', '/api/ada/ghost/resource-groups/x').send({ processMode: 'unordered' }).expect(404);
  });
});
