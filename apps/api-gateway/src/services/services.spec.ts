import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { closeAndRemove, startGatewayWithProject, type StartedGateway } from '../gateway.fixture.ts';

let gateway: StartedGateway;
beforeEach(async () => {
  gateway = await startGatewayWithProject();
});
afterEach(() => closeAndRemove(gateway));

const SERVICES = '/v1/cicd/services';
const register = (body: object) => gateway.as('post', SERVICES).send({ project: 'ada/engine', ...body });

describe('A service', () => {
  it('is registered with little, and shows what that means', async () => {
    const { body, headers } = await register({ name: 'Web Shop' }).expect(400);
    expect(body.errors[0].pointer).toBe('/name');
    const made = await register({ name: 'web.Shop' }).expect(201);
    expect(made.headers['location']).toBe('/v1/cicd/services/1');
    expect(made.body).toEqual({
      id: 1,
      project_id: 1,
      name: 'web.Shop',
      git_url: gateway.repository.url,
      branch: 'main',
      auto_build: true,
      context_path: '.',
      dockerfile: 'Dockerfile',
      build_args: {},
      platform: 'linux/amd64',
      build_network: 'default',
      image: 'web-shop',
      registries: [],
      ports: [],
      environment: {},
      health_check: { timeout_seconds: 60 },
      created_at: expect.any(String),
    });
    expect((await gateway.as('get', `${SERVICES}/1`).expect(200)).body).toEqual(made.body);
    expect(headers['location']).toBeUndefined();
  });

  it('is registered with all that can be said of it', async () => {
    const all = {
      branch: 'release/1',
      auto_build: false,
      context_path: 'services/shop',
      dockerfile: 'docker/Dockerfile',
      build_args: { VERSION: '$CI_COMMIT_TAG' },
      platform: 'linux/arm64',
      build_network: 'none',
      image: 'team/shop',
      registries: ['127.0.0.1:5000', 'registry.example.com/team'],
      ports: ['18080:8080'],
      environment: { LEVEL: 'info' },
      health_check: { path: '/healthz', port: 8080, timeout_seconds: 5 },
    };
    expect((await register({ name: 'shop', ...all }).expect(201)).body).toMatchObject(all);
  });

  it('takes null for what is not said, and refuses it where something must be', async () => {
    const usual = (await register({ name: 'usual' }).expect(201)).body;
    const nothing = Object.fromEntries(
      ['git_url', 'branch', 'auto_build', 'context_path', 'dockerfile', 'build_args', 'platform', 'build_network']
        .concat(['image', 'registries', 'ports', 'environment', 'health_check'])
        .map((field) => [field, null]),
    );
    const made = await register({ name: 'shop', ...nothing }).expect(201);
    expect(made.body).toEqual({ ...usual, id: 2, name: 'shop', image: 'shop', created_at: expect.any(String) });
    expect((await gateway.as('patch', `${SERVICES}/2`).send(nothing).expect(200)).body).toEqual(made.body);
    await gateway.as('post', `${SERVICES}/2/build`).send({ git_ref: null, build_args: null }).expect(202);
    await gateway.as('post', `${SERVICES}/2/deploy`).send({ image_tag: 'shop:1', reason: null }).expect(202);
    for (const body of [{ name: null }, { name: 'other', nonsense: null }]) {
      const refused = await register(body).expect(400);
      expect(refused.body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: expect.any(String) }] });
    }
  });

  it('has the next number, and its project keeps its own', async () => {
    await register({ name: 'one' }).expect(201);
    await register({ name: 'two' }).expect(201);
    const { items } = (
      await gateway
        .as('get', `${SERVICES}?limit=10&minPosition=${await gateway.ports.eventStore.lastPosition()}`)
        .expect(200)
    ).body;
    expect(items.map(({ id, project_id, name }: Record<string, unknown>) => [id, project_id, name])).toEqual([
      [1, 1, 'one'],
      [2, 1, 'two'],
    ]);
  });

  it('is the same when it is registered again, and another one of its name is refused', async () => {
    await register({ name: 'shop' }).expect(201);
    expect((await register({ name: 'shop' }).expect(201)).body.id).toBe(1);
    expect((await register({ name: 'Shop', branch: 'develop' }).expect(409)).body.code).toBe('service_exists');
    await register({ name: 'next' }).expect(201);
    expect((await gateway.as('get', `${SERVICES}/2`).expect(200)).body.name).toBe('next');
  });

  it('is found its project by the address of the repository', async () => {
    const answer = await gateway
      .as('post', SERVICES)
      .send({ name: 'shop', git_url: gateway.repository.url })
      .expect(201);
    expect(answer.body.project_id).toBe(1);
    const nobody = await gateway
      .as('post', SERVICES)
      .send({ name: 'shop', git_url: 'https://x.example/y' })
      .expect(400);
    expect(nobody.body.errors[0].pointer).toBe('/project');
  });

  it('is changed in what is named', async () => {
    await register({ name: 'shop', registries: ['127.0.0.1:5000'] });
    const { body, headers } = await gateway.as('patch', `${SERVICES}/1`).send({ branch: 'develop' }).expect(200);
    expect(body).toMatchObject({ id: 1, branch: 'develop', registries: ['127.0.0.1:5000'] });
    const shown = await gateway.as('get', `${SERVICES}/1?minPosition=${headers['x-event-position']}`);
    expect(shown.body.branch).toBe('develop');
  });

  it('is removed, and its name may be given again', async () => {
    await register({ name: 'shop' });
    await gateway.as('delete', `${SERVICES}/1`).expect(204);
    await gateway.as('get', `${SERVICES}?minPosition=${await gateway.ports.eventStore.lastPosition()}`);
    await gateway.as('get', `${SERVICES}/1`).expect(404);
    await gateway.as('delete', `${SERVICES}/1`).expect(404);
    expect((await register({ name: 'shop', branch: 'develop' }).expect(201)).body.id).toBe(2);
  });

  it.each([
    [{ git_url: 'https://elsewhere.example/engine.git' }, 'invalid_url', '/git_url'],
    [{ git_url: 'https://ada:secret@forge.example/engine.git' }, 'invalid_url', '/git_url'],
    [{ context_path: '/etc' }, 'invalid_request', '/context_path'],
    [{ image: 'registry.example.com/shop' }, 'invalid_request', '/image'],
    [{ image: 'Shop' }, 'invalid_request', '/image'],
    [{ registries: ['shop'] }, 'invalid_request', '/registries'],
    [{ platform: 'linux' }, 'invalid_request', '/platform'],
    [{ ports: ['0:80'] }, 'invalid_request', '/ports/0'],
    [{ ports: ['80:1', '80:2'] }, 'invalid_request', '/ports'],
    [{ environment: { 'A-B': 'x' } }, 'invalid_request', '/environment/A-B'],
    [{ health_check: { path: 'x' } }, 'invalid_request', '/health_check/path'],
    [{ health_check: { every: 1 } }, 'invalid_request', '/health_check'],
  ])('is refused with %j', async (more, code, pointer) => {
    const { body } = await register({ name: 'shop', ...more });
    expect(body).toMatchObject({ code, errors: [{ pointer }] });
  });
});
