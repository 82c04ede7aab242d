import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  deploymentStream,
  ServiceDeploymentAdvanced,
  ServiceDeploymentCancelling,
  ServiceDeploymentFailed,
  ServiceDeploymentRolledBack,
  ServiceDeploymentStarted,
  ServiceDeploymentSucceeded,
  type NewEvent,
  type RecordedEvent,
  type WantedDeployment,
} from '@foldline/contracts';
import { closeAndRemove, startGatewayWithProject, type StartedGateway } from '../gateway.fixture.ts';

let gateway: StartedGateway;
beforeEach(async () => {
  gateway = await startGatewayWithProject();
  const shop = { project: 'ada/engine', name: 'shop', registries: ['one.example', 'two.example'], ports: ['80:8080'] };
  await gateway.as('post', '/v1/cicd/services').send(shop).expect(201);
});
afterEach(() => closeAndRemove(gateway));

const get = async (path: string, query: object = {}) => {
  const minPosition = await gateway.ports.eventStore.lastPosition();
  const asked = gateway.as('get', `/v1/cicd/${path}`).query({ ...query, minPosition });
  return (await asked.expect(200)).body;
};
const deploy = (image: string, reason?: string) =>
  gateway.as('post', '/v1/cicd/services/1/deploy').send({ image_tag: image, ...(reason && { reason }) });
const rollBack = (body?: object) => {
  const asked = gateway.as('post', '/v1/cicd/services/1/rollback');
  return body ? asked.send(body) : asked;
};
const requested = async (): Promise<WantedDeployment[]> =>
  ((await gateway.ports.eventStore.readAll({ after: 0, limit: 1000 })) as RecordedEvent<string, WantedDeployment>[])
    .filter(({ type }) => type === 'ServiceDeploymentRequested')
    .map(({ data }) => data);
/** What the deployer records of a deployment, of the newest if none is named. */
const carriedOut = async (events: (wanted: WantedDeployment) => NewEvent[], index = -1): Promise<void> => {
  const wanted = (await requested()).at(index)!;
  const { deploymentId } = wanted;
  await gateway.record(
    deploymentStream(deploymentId),
    deploymentId,
    ServiceDeploymentStarted(wanted),
    ...events(wanted),
  );
};
const namesOf = ({ deploymentId, serviceId }: WantedDeployment) => ({ deploymentId, serviceId });
const failure = (wanted: WantedDeployment) => [
  ServiceDeploymentFailed({ ...namesOf(wanted), code: 'x', because: 'y' }),
];
const succeeded = (image: string) =>
  carriedOut((wanted) => [
    ServiceDeploymentSucceeded({ ...namesOf(wanted), number: wanted.number, image, imageId: `sha256:${image}` }),
  ]);
const deployed = async (image: string): Promise<void> => {
  await deploy(image).expect(202);
  await succeeded(image);
};

describe('A deployment that is asked for', () => {
  it('S2-10 has a number and a job, and shows why it was asked for', async () => {
    const { body } = await deploy('shop:main-abc1234', 'Deploy latest features').expect(202);
    expect(body).toEqual({
      deployment_id: 1,
      job_id: '1000000000000000011',
      image_tag: 'shop:main-abc1234',
      status: 'deploying',
    });
    expect(await get('deployments/1')).toMatchObject({
      id: 1,
      project_id: 1,
      service_id: 1,
      image_tag: 'shop:main-abc1234',
      status: 'deploying',
      reason: 'Deploy latest features',
      created_at: expect.any(String),
    });
  });

  it('takes an image of the service from its registries, and any other from where its name says', async () => {
    await deploy('shop:1');
    await deploy('elsewhere.example/shop:1');
    expect((await requested()).map(({ images }) => images)).toEqual([
      ['one.example/shop:1', 'two.example/shop:1'],
      ['elsewhere.example/shop:1'],
    ]);
  });

  it('S2-15 is a job with progress', async () => {
    await deploy('shop:1');
    const job = () => get('jobs/1000000000000000011');
    expect(await job()).toMatchObject({ type: 'deploy', status: 'queued', progress: 0 });
    await carriedOut((wanted) => [ServiceDeploymentAdvanced({ ...namesOf(wanted), phase: 'start' })]);
    expect(await job()).toMatchObject({ status: 'running', progress: 40, deployment_id: 1 });
  });

  it('that failed says why', async () => {
    await deploy('shop:1');
    await carriedOut((wanted) => [
      ServiceDeploymentFailed({ ...namesOf(wanted), code: 'health_check_failed', because: 'it answered 500' }),
    ]);
    const error = { code: 'health_check_failed', message: 'it answered 500' };
    expect(await get('deployments/1')).toMatchObject({ status: 'failed', error });
  });

  it('is one under one key', async () => {
    const asked = () => deploy('shop:1').set('Idempotency-Key', 'k1').expect(202);
    const { body } = await asked();
    expect((await asked()).body).toEqual(body);
    expect(await requested()).toHaveLength(1);
  });

  it('is one under one key, also when it is asked for several times at once', async () => {
    const asked = (path: string, key = path) =>
      gateway.as('post', `/v1/cicd/services/1/${path}`).set('Idempotency-Key', key);
    const all = async (request: () => ReturnType<typeof asked>) =>
      (await Promise.all([1, 2, 3].map(() => request().expect(202)))).map(({ body }) => body);
    for (const image of ['shop:1', 'shop:2']) {
      const [first, ...others] = await all(() => asked('deploy', image).send({ image_tag: image }));
      expect(others).toEqual([first, first]);
      await succeeded(image);
      await get(`deployments/${first.deployment_id}`);
    }
    const [first, ...others] = await all(() => asked('rollback'));
    expect(others).toEqual([first, first]);
    await get(`deployments/${first.deployment_id}`);
    await succeeded('shop:1');
    expect((await asked('rollback').expect(202)).body).toEqual(first);
    expect(await requested()).toHaveLength(3);
  });

  it('needs an image', async () => {
    expect((await gateway.as('post', '/v1/cicd/services/1/deploy').send({}).expect(400)).body.errors[0].pointer).toBe(
      '/image_tag',
    );
  });
});

describe('S2-27 A deployment that is cancelled', () => {
  const job = '1000000000000000011';
  const cancel = (path = `jobs/${job}`) => gateway.as('post', `/v1/cicd/${path}/cancel`);
  /** What the deployer makes of the wish, once it is there. */
  const heard = async (event: (wanted: WantedDeployment) => NewEvent): Promise<void> => {
    const { eventStore, clock } = gateway.ports;
    const [wanted] = await requested();
    const { deploymentId } = wanted!;
    const stream = deploymentStream(deploymentId);
    for (;;) {
      const wish = (await eventStore.readStream(`service-${wanted!.serviceId}`)).at(-1)!;
      if (wish.type !== 'ServiceDeploymentCancelRequested') {
        await clock.sleep(5);
        continue;
      }
      const revision = (await eventStore.readStream(stream)).length - 1;
      const because = { causationId: wish.id, correlationId: wish.correlationId };
      const actor = { kind: 'system' as const, id: 'deployer' };
      await eventStore.append(stream, [{ ...event(wanted!), id: `${stream}-heard`, ...because, actor }], revision);
      return;
    }
  };
  const failed = (wanted: WantedDeployment) =>
    ServiceDeploymentFailed({ ...namesOf(wanted), code: 'cancelled', because: 'the deployment was cancelled' });
  const wishes = async (): Promise<number> =>
    (await gateway.ports.eventStore.readAll({ after: 0, limit: 1000 })).filter(
      ({ type }) => type === 'ServiceDeploymentCancelRequested',
    ).length;

  it('has failed with the code that says so, and once more answers as before', async () => {
    await deploy('shop:1');
    const [{ body }] = await Promise.all([cancel().expect(202), heard(failed)]);
    expect(body).toMatchObject({ id: job, type: 'deploy', status: 'failed', deployment_id: 1 });
    expect(body.pending).toBeUndefined();
    const again = await cancel('deployments/1').expect(202);
    expect(again.body).toMatchObject({ status: 'failed', error: { code: 'cancelled' } });
    expect(await wishes()).toBe(1);
  });

  it('is still deploying while its container is removed, which needs no second wish', async () => {
    await deploy('shop:1');
    await carriedOut((wanted) => [ServiceDeploymentAdvanced({ ...namesOf(wanted), phase: 'check' })]);
    const [{ body }] = await Promise.all([
      cancel('deployments/1').expect(202),
      heard((wanted) => ServiceDeploymentCancelling(namesOf(wanted))),
    ]);
    expect(body).toMatchObject({ id: 1, status: 'deploying', error: null });
    await cancel().expect(202);
    expect(await wishes()).toBe(1);
  });

  it('is one wish under one key', async () => {
    await deploy('shop:1');
    const asked = () => cancel().set('Idempotency-Key', 'k1').expect(202);
    const [{ body }] = await Promise.all([asked(), heard(failed)]);
    const again = await asked();
    expect(again.body).toEqual(body);
    expect(again.headers['idempotent-replayed']).toBe('true');
  });

  it('says that the wish is pending while no deployer hears of it', async () => {
    await deploy('shop:1');
    expect((await cancel().expect(202)).body).toMatchObject({ status: 'queued', pending: true });
  });

  it('is refused once it takes over, and when it has ended', async () => {
    const refusal = async () => (await cancel().expect(409)).body;
    await deploy('shop:1');
    await carriedOut((wanted) => [ServiceDeploymentAdvanced({ ...namesOf(wanted), phase: 'switch' })]);
    expect(await refusal()).toMatchObject({ code: 'already_finished', detail: 'the deployment has taken over' });
    await succeeded('shop:1');
    expect((await refusal()).detail).toBe('the deployment has ended: success');
    await cancel('deployments/2').expect(404);
  });
});

describe('A service that is removed', () => {
  it('cancels its deployments that wait or go on, and no others', async () => {
    await deployed('shop:1');
    for (const image of ['shop:2', 'shop:3']) await deploy(image).expect(202);
    await gateway.as('delete', '/v1/cicd/services/1').expect(204);
    const [first, ...others] = (await requested()).map(({ deploymentId }) => deploymentId);
    const stored = await gateway.ports.eventStore.readStream(`service-${(await requested())[0]!.serviceId}`);
    const cancelled = stored.filter(({ type }) => type === 'ServiceDeploymentCancelRequested');
    expect(cancelled.map(({ data }) => (data as { deploymentId: string }).deploymentId)).toEqual(others);
    expect(others).not.toContain(first);
    expect(stored.at(-1)!.type).toBe('ServiceRemoved');
  });
});

describe('S2-37 The metrics of a service', () => {
  it('tell of its deployments', async () => {
    for (const image of ['shop:1', 'shop:2']) await deployed(image);
    await deploy('shop:3');
    await carriedOut(failure);
    await rollBack();
    await deploy('shop:4');
    await carriedOut((wanted) => [ServiceDeploymentAdvanced({ ...namesOf(wanted), phase: 'image' })]);
    const { builds, deployments } = await get('services/1/metrics');
    expect(builds).toMatchObject({ count: 0, success_rate: null, queue: { queued: 0, running: 0 } });
    expect(deployments).toMatchObject({
      count: 5,
      by_status: { deploying: 2, success: 2, failed: 1, rolled_back: 0 },
      success_rate: 0.6667,
      rollbacks: 1,
      queue: { queued: 1, running: 1 },
    });
    expect(deployments.days.at(-1)).toMatchObject({ deployments: 5, success_rate: 0.6667 });
    const project = (await gateway.as('get', '/api/ada/engine/metrics').expect(200)).body;
    expect(project.deployments).toMatchObject({ count: 5, successRate: 0.6667, queue: { queued: 1, running: 1 } });
    expect(project.builds.count).toBe(0);
  });

  it('are those of the range, and of the service alone', async () => {
    await gateway.as('post', '/v1/cicd/services').send({ project: 'ada/engine', name: 'other' }).expect(201);
    await deployed('shop:1');
    await gateway.as('post', '/v1/cicd/services/2/deploy').send({ image_tag: 'other:1' }).expect(202);
    const measured = async (id: number, query: object = {}) => (await get(`services/${id}/metrics`, query)).deployments;
    expect(await measured(1, { range: '12h' })).toMatchObject({ count: 1, per_day: 2 });
    expect(await measured(2)).toMatchObject({ count: 1, queue: { queued: 1, running: 0 } });
    expect((await measured(1, { range: '2d' })).days).toHaveLength(3);
    await gateway.as('get', '/v1/cicd/services/1/metrics?range=year').expect(400);
  });
});

describe('S2-11 C26 A rollback', () => {
  it('needs something that ran before', async () => {
    expect((await rollBack().expect(409)).body.code).toBe('nothing_to_roll_back');
    await deployed('shop:1');
    expect((await rollBack().expect(409)).body.code).toBe('nothing_to_roll_back');
  });

  it('is a new deployment of the very image that ran before', async () => {
    for (const image of ['shop:1', 'shop:2']) await deployed(image);
    expect((await rollBack().expect(202)).body).toMatchObject({ deployment_id: 3, image_tag: 'shop:1' });
    const [, second, wanted] = await requested();
    expect(wanted).toMatchObject({ imageId: 'sha256:shop:1', rollback: { of: second!.deploymentId, to: 1 } });
    expect(await get('deployments/3')).toMatchObject({ reason: 'rollback to deployment 1', rolled_back_to: 1 });
  });

  it('goes further back the second time, past what failed', async () => {
    for (const image of ['shop:1', 'shop:2']) await deployed(image);
    await deploy('shop:broken');
    await carriedOut(failure);
    await deployed('shop:3');
    expect((await rollBack()).body.image_tag).toBe('shop:2');
    await succeeded('shop:2');
    const taken = (await requested())[3]!;
    await gateway.record(
      deploymentStream(taken.deploymentId),
      taken.deploymentId,
      ServiceDeploymentRolledBack({ ...namesOf(taken), by: 'd' }),
    );
    expect((await rollBack()).body.image_tag).toBe('shop:1');
    const { items } = await get('services/1/deployments');
    expect(items.map(({ status }: { status: string }) => status)).toEqual([
      'deploying',
      'success',
      'rolled_back',
      'failed',
      'success',
      'success',
    ]);
  });

  it('is refused while a deployment goes on: what runs before it is not known yet', async () => {
    for (const image of ['shop:1', 'shop:2']) await deployed(image);
    await deploy('shop:3');
    await deploy('shop:4');
    await carriedOut(failure);
    for (const body of [{}, { revision: 1 }])
      expect((await rollBack(body).expect(409)).body.code).toBe('deployment_under_way');
    await carriedOut(failure, 2);
    expect((await rollBack().expect(202)).body.image_tag).toBe('shop:1');
  });

  it('is one of those that are asked for at once', async () => {
    for (const image of ['shop:1', 'shop:2', 'shop:3']) await deployed(image);
    const answers = await Promise.all([rollBack(), rollBack(), rollBack()]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([202, 409, 409]);
    expect(await requested()).toHaveLength(4);
  });

  it('goes to a revision or a version that is named', async () => {
    for (const image of ['shop:1', 'shop:2', 'shop:3']) await deployed(image);
    const goesTo = async (body: object): Promise<string> => {
      const { image_tag: image } = (await rollBack(body).expect(202)).body;
      await carriedOut(failure);
      return image;
    };
    expect(await goesTo({ revision: 1 })).toBe('shop:1');
    expect(await goesTo({ version: '2' })).toBe('shop:2');
    expect(await goesTo({ version: 'shop:1' })).toBe('shop:1');
    expect(await goesTo({ to: 'previous' })).toBe('shop:2');
    expect((await rollBack({ revision: 9 }).expect(409)).body.code).toBe('nothing_to_roll_back');
    await rollBack({ revision: 1, version: '2' }).expect(400);
  });
});
