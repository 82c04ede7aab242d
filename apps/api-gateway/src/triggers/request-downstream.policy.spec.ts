import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  DownstreamRequested,
  triggerStream,
  VariableSet,
  type DownstreamRefused,
  type PipelineRequested,
  type Recorded,
} from '@foldline/contracts';
import { Commands } from '@foldline/kernel';
import { closeAndRemove, startGateway, type StartedGateway } from '../gateway.fixture.ts';
import { projectIdOf } from '../projects/project-names.ts';
import { ProjectQueries } from '../projects/project.queries.ts';
import { PipelineRequests } from './pipeline-requests.ts';
import { RequestDownstream } from './request-downstream.policy.ts';

type Asked = ReturnType<typeof DownstreamRequested>['data'];

let gateway: StartedGateway;
let downstream: RequestDownstream;
let asking: Asked['project'];
let asked = 0;

beforeAll(async () => {
  gateway = await startGateway();
  for (const [owner, name] of [
    ['ada', 'engine'],
    ['bob', 'library'],
  ] as const)
    await gateway.as('post', '/api/v1/projects').send({ owner, name, url: gateway.repository.url }).expect(201);
  await gateway
    .as('put', '/api/bob/library/callers')
    .send({ callers: ['Ada/Engine'] })
    .expect(200);
  asking = {
    id: projectIdOf('ada', 'engine'),
    owner: 'ada',
    name: 'engine',
    url: gateway.repository.url,
    defaultBranch: 'main',
  };
  await gateway.record(
    `project-${asking.id}`,
    asking.id,
    VariableSet({ projectId: asking.id, key: 'TOKEN', sealed: 'v1.x', protected: true, masked: true }),
  );
  const { eventStore, clock, readModels } = gateway.ports;
  const commands = new Commands(eventStore, clock, 'api-gateway');
  downstream = new RequestDownstream(
    commands,
    readModels,
    gateway.app.get(ProjectQueries),
    gateway.app.get(PipelineRequests),
  );
});
afterAll(() => closeAndRemove(gateway));

const child = (): Asked['of'] => ({
  kind: 'child',
  definition: { include: [{ local: 'ci/child.yml' }], file: '.codara-ci.yml', line: 7, column: 3 },
  ref: { name: 'main', kind: 'branch', protected: true },
  sha: gateway.repository.main,
  before: 'b'.repeat(40),
});

/** A job of ada/engine asks; every time it is another job. */
const ask = async (
  of: Asked['of'],
  more: Partial<Asked> = {},
): Promise<Recorded<ReturnType<typeof DownstreamRequested>>> => {
  asked += 1;
  const about = { pipelineId: `up${asked}`, jobId: `up${asked}.0`, attempt: 1 };
  const [event] = await gateway.record(
    `pipeline-up${asked}`,
    `up${asked}`,
    DownstreamRequested({
      ...about,
      downstreamId: `down${asked}`,
      project: asking,
      of,
      variables: { LEVEL: 'full' },
      upstream: { ...about, project: 'ada/engine', depth: 1, budget: 9 },
      because: { rule: 'when: on_success', detail: 'it is in the first stage', jobs: [] },
      ...more,
    }),
  );
  return event as Recorded<ReturnType<typeof DownstreamRequested>>;
};
const wishes = () => gateway.ports.eventStore.readStream(triggerStream(`down${asked}`));
const requested = async () => {
  const [event, ...others] = await wishes();
  expect({ type: event?.type, others }).toEqual({ type: 'PipelineRequested', others: [] });
  return event!.data as ReturnType<typeof PipelineRequested>['data'];
};
const refusal = async () => {
  const [event, ...others] = await wishes();
  expect({ type: event?.type, others, correlationId: event?.correlationId }).toEqual({
    type: 'DownstreamRefused',
    others: [],
    correlationId: `up${asked}`,
  });
  return event!.data as ReturnType<typeof DownstreamRefused>['data'];
};

describe('A pipeline that a job asks for', () => {
  it('as its child is of the same commit, with the definition and the variables that it names', async () => {
    const event = await ask(child(), { inputs: { level: 'full' } });
    await downstream.request(event);
    expect(await requested()).toMatchObject({
      source: 'parent_pipeline',
      project: asking,
      ref: { name: 'main', protected: true },
      sha: gateway.repository.main,
      before: 'b'.repeat(40),
      variables: { LEVEL: 'full' },
      inputs: { level: 'full' },
      definition: { include: [{ local: 'ci/child.yml' }] },
      upstream: { pipelineId: event.data.pipelineId, depth: 1, budget: 9 },
      projectVariables: [{ key: 'TOKEN' }],
    });
  });

  it('is asked for once, however often that is delivered', async () => {
    const event = await ask(child());
    await Promise.all([downstream.request(event), downstream.request(event)]);
    await downstream.request(event);
    await requested();
  });

  it('of another project that lets it is for a branch of that, the default one unless another is named', async () => {
    await downstream.request(await ask({ kind: 'project', project: 'bob/library' }));
    expect(await requested()).toMatchObject({
      source: 'pipeline',
      project: { owner: 'bob', name: 'library' },
      ref: { name: 'main', kind: 'branch' },
      sha: gateway.repository.main,
      projectVariables: [],
    });
    await downstream.request(await ask({ kind: 'project', project: 'bob/library', branch: 'develop' }));
    const other = await requested();
    expect(other).toMatchObject({ ref: { name: 'develop', protected: false }, sha: gateway.repository.develop });
    expect(other).not.toHaveProperty('definition');
  });

  it('of its own project needs nobody’s leave', async () => {
    await downstream.request(await ask({ kind: 'project', project: 'ada/engine' }));
    expect(await requested()).toMatchObject({ source: 'pipeline', project: { owner: 'ada', name: 'engine' } });
  });

  it('is refused, once, where the project is not there or does not let it, in the same words', async () => {
    await gateway.as('post', '/api/v1/projects').send({ owner: 'eve', name: 'secret', url: gateway.repository.url });
    for (const project of ['eve/secret', 'eve/none', '../..', 'x']) {
      const event = await ask({ kind: 'project', project });
      await downstream.request(event);
      await downstream.request(event);
      const { code, detail, jobId } = await refusal();
      expect({ code, detail, jobId }).toEqual({
        code: 'not_found',
        detail: `there is no project ${project} that lets ada/engine start its pipelines; PUT /api/${project}/callers names who may`,
        jobId: `up${asked}.0`,
      });
    }
  });

  it('is refused where the branch is not there', async () => {
    await downstream.request(await ask({ kind: 'project', project: 'bob/library', branch: 'nowhere' }));
    expect(await refusal()).toMatchObject({ code: 'unknown_ref' });
  });

  it('stays refused when the project comes to be there before it is delivered again', async () => {
    const event = await ask({ kind: 'project', project: 'bob/later' });
    await downstream.request(event);
    await gateway.as('post', '/api/v1/projects').send({ owner: 'bob', name: 'later', url: gateway.repository.url });
    await gateway
      .as('put', '/api/bob/later/callers')
      .send({ callers: ['ada/*'] })
      .expect(200);
    await downstream.request(event);
    await refusal();
  });
});
