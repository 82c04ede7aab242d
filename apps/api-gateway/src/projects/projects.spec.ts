import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { projectStream, type VariableSet } from '@foldline/contracts';
import { closeAndRemove, startGatewayWithProject, type StartedGateway } from '../gateway.fixture.ts';
import { projectIdOf } from './project-names.ts';

let gateway: StartedGateway;

beforeAll(async () => {
  gateway = await startGatewayWithProject();
});
afterAll(() => closeAndRemove(gateway));

const register = (body: object) => gateway.as('post', '/api/v1/projects').send(body);

describe('registering a project', () => {
  it('answers with the project and where it is', async () => {
    const { body, headers } = await register({ owner: 'ada', name: 'second', url: gateway.repository.url }).expect(201);
    expect(body).toEqual({
      id: projectIdOf('ada', 'second'),
      owner: 'ada',
      name: 'second',
      url: gateway.repository.url,
      defaultBranch: 'main',
      position: expect.any(Number),
    });
    expect(headers.location).toBe('/api/v1/projects/ada/second');
    expect(headers['x-event-position']).toBe(String(body.position));
    const shown = await gateway.as('get', headers.location!).expect(200);
    expect(shown.body).toMatchObject({ id: body.id, defaultBranch: 'main' });
  });

  it('answers the same when it is asked for again', async () => {
    const again = await register({ owner: 'Ada', name: 'ENGINE', url: gateway.repository.url }).expect(201);
    expect(again.body).toMatchObject({ id: projectIdOf('ada', 'engine'), owner: 'ada', name: 'engine' });
  });

  it('refuses a name that another repository has', async () => {
    await register({ owner: 'ada', name: 'engine', url: `${gateway.repository.url}/.git` })
      .expect(409)
      .expect(/project_exists/);
  });

  it('refuses what does not answer, and records nothing', async () => {
    const { body } = await register({ owner: 'ada', name: 'ghost', url: '/no/such/place' }).expect(422);
    expect(body).toMatchObject({ code: 'repository_unreachable', errors: [{ pointer: '/url' }] });
    await gateway.as('get', '/api/v1/projects/ada/ghost').expect(404);
  });

  it.each([
    '--upload-pack=touch /tmp/x',
    'ext::sh -c id',
    'javascript:alert(1)',
    'https://ada:token@forge.example/x',
    'https://token@xn--a.example/x',
    'ssh://git:token@forge.example:port/x',
  ])('refuses the address %s, and does not repeat what it may tell', async (url) => {
    const { text } = await register({ owner: 'ada', name: 'evil', url })
      .expect(422)
      .expect(/invalid_url/);
    expect(text).not.toContain('token');
  });

  it.each(['v1', 'api', 'docs', '.git', 'a b'])('refuses the owner "%s"', async (owner) => {
    await register({ owner, name: 'x', url: gateway.repository.url })
      .expect(422)
      .expect(/invalid_name/);
  });
});

describe('listing projects', () => {
  it('goes on where the page before ended', async () => {
    await register({ owner: 'zoe', name: 'last', url: gateway.repository.url }).expect(201);
    const minPosition = await gateway.ports.eventStore.lastPosition();
    const first = await gateway.as('get', '/api/v1/projects').query({ limit: 1, minPosition }).expect(200);
    expect(first.body.items).toHaveLength(1);
    expect(first.headers.link).toContain('rel="next"');
    const next = await gateway.as('get', `/api/v1/projects?limit=200&cursor=${first.body.nextCursor}`).expect(200);
    expect(next.body.items.map(({ name }: { name: string }) => name)).toContain('last');
    expect(next.body.items.map(({ id }: { id: string }) => id)).not.toContain(first.body.items[0].id);
    expect(next.body).not.toHaveProperty('nextCursor');
  });

  it.each([
    ['is none', '%2e%2e'],
    ['nobody has made', 'Z2FyYmFnZQ'],
    ['belongs to another list', Buffer.from('jobs/byId/a').toString('base64url')],
  ])('refuses a cursor that %s', async (_what, cursor) => {
    const { body } = await gateway.as('get', `/api/v1/projects?cursor=${cursor}`).expect(400);
    expect(body).toMatchObject({ code: 'invalid_cursor', errors: [{ pointer: '/cursor' }] });
  });
});

describe('variables', () => {
  const variables = '/api/ada/engine/variables';
  const USUAL = { variable_type: 'env_var', hidden: false, raw: true, environment_scope: '*' };
  const set = (body: object) => gateway.as('post', variables).send(body);
  const listed = async (key: string): Promise<object[]> =>
    (await gateway.as('get', variables).expect(200)).body.items.filter((item: { key: string }) => item.key === key);

  it('are set sealed, and listed without their values', async () => {
    const sent = { key: 'API_KEY', value: 'very-secret-value', protected: true, masked: true };
    const { body } = await gateway.as('post', variables).send(sent).expect(201);
    const shown = { key: 'API_KEY', protected: true, masked: true, ...USUAL };
    expect(body).toEqual({ ...shown, position: expect.any(Number) });
    const list = await gateway.as('get', variables).expect(200);
    expect(list.body.items).toContainEqual(shown);

    const projectId = projectIdOf('ada', 'engine');
    const stored = await gateway.ports.eventStore.readStream(projectStream(projectId));
    expect(JSON.stringify(stored)).not.toContain(sent.value);
    const { sealed } = stored.at(-1)!.data as ReturnType<typeof VariableSet>['data'];
    expect(gateway.ports.secretBox.open(sealed, `project:${projectId}:variable:API_KEY`)).toBe(sent.value);
    await gateway
      .as('get', '/api/v1/events?category=project')
      .expect(200)
      .expect(/\[sealed\]/);
  });

  it.each(['short', 'two\nlines of text', 'with\rreturn in it'])(
    'cannot be masked when the value is %j',
    async (value) => {
      await gateway
        .as('post', variables)
        .send({ key: 'A', value, masked: true })
        .expect(422)
        .expect(/not_maskable/);
    },
  );

  it('cannot have a reserved name', async () => {
    await gateway
      .as('post', variables)
      .send({ key: 'LD_PRELOAD', value: 'x' })
      .expect(422)
      .expect(/invalid_variable/);
  });

  it('are for an environment, in a file, filled in, hidden and described when it is said so', async () => {
    const traits = {
      variable_type: 'file',
      raw: false,
      environment_scope: 'review/*',
      masked_and_hidden: true,
      description: 'Where to',
    };
    await set({ key: 'CONFIG', value: 'very-secret-value', ...traits }).expect(201);

    const { masked_and_hidden: _, ...shown } = {
      ...traits,
      key: 'CONFIG',
      protected: false,
      masked: true,
      hidden: true,
    };
    expect(await listed('CONFIG')).toEqual([shown]);
  });

  it.each([
    ['a type that there is not', { variable_type: 'secret' }, 'invalid_request', '/variable_type'],
    ['a scope that no environment has', { environment_scope: 'a\nb' }, 'invalid_request', '/environment_scope'],
    ['no scope at all', { environment_scope: '' }, 'invalid_request', '/environment_scope'],
    ['a description without end', { description: 'x'.repeat(256) }, 'invalid_request', '/description'],
    ['a flag that is none', { raw: 'yes' }, 'invalid_request', '/raw'],
    ['a value that cannot be hidden', { masked_and_hidden: true, value: 'short' }, 'not_maskable', '/value'],
    ['a value that no process can be given', { value: 'a\u0000b' }, 'invalid_variable', '/value'],
    ['a field that there is not', { environment: 'x' }, 'invalid_request', '/environment'],
  ])('are refused with %s, naming the field', async (_what, wrong, code, pointer) => {
    const { status, body } = await set({ key: 'A', value: 'value', ...wrong });

    expect([400, 422]).toContain(status);
    expect(body).toMatchObject({ code, errors: [{ pointer }] });
  });

  it('are changed, and what is left out stays as it is', async () => {
    await set({ key: 'CHANGED', value: 'first-value', masked: true, raw: false, description: 'Mine' }).expect(201);
    const change = { value: 'second-value', protected: true, description: '' };
    const { body } = await gateway.as('put', `${variables}/CHANGED`).send(change).expect(200);

    const { description: _, ...now } = {
      ...USUAL,
      key: 'CHANGED',
      protected: true,
      masked: true,
      raw: false,
      description: '',
    };
    expect(body).toEqual({ ...now, position: expect.any(Number) });
    expect(JSON.stringify(body)).not.toContain('second-value');
  });

  it('are not changed into what cannot be, nor when they are not there', async () => {
    await set({ key: 'HIDDEN', value: 'very-secret-value', masked_and_hidden: true }).expect(201);
    const change = (key: string, body: object) => gateway.as('put', `${variables}/${key}`).send(body);

    await change('HIDDEN', { value: 'short' })
      .expect(422)
      .expect(/not_maskable/);
    await change('HIDDEN', { value: 'long-enough', masked: false })
      .expect(422)
      .expect(/"pointer":"\/masked"/);
    await change('NEVER_SET', { value: 'x' }).expect(404);
    await change('HIDDEN', { masked: true })
      .expect(400)
      .expect(/"pointer":"\/value"/);
  });

  it('of one key are named by their environments, and each has a value of its own', async () => {
    await set({ key: 'REGION', value: 'any' }).expect(201);
    await set({ key: 'REGION', value: 'live', environment_scope: 'live' }).expect(201);
    expect(await listed('REGION')).toMatchObject([{ environment_scope: '*' }, { environment_scope: 'live' }]);

    await gateway
      .as('put', `${variables}/REGION`)
      .send({ value: 'x' })
      .expect(409)
      .expect(/several_variables/);
    await gateway
      .as('delete', `${variables}/REGION`)
      .expect(409)
      .expect(/several_variables/);
    await gateway.as('put', `${variables}/REGION?environment_scope=live`).send({ value: 'new' }).expect(200);
    const stored = await gateway.ports.eventStore.readStream(projectStream(projectIdOf('ada', 'engine')));
    const { sealed, scope } = stored.at(-1)!.data as ReturnType<typeof VariableSet>['data'];
    const seal = `project:${projectIdOf('ada', 'engine')}:variable:REGION@live`;
    expect({ scope, value: gateway.ports.secretBox.open(sealed, seal) }).toEqual({ scope: 'live', value: 'new' });

    await gateway.as('delete', `${variables}/REGION?environment_scope=*`).expect(204);
    expect(await listed('REGION')).toMatchObject([{ environment_scope: 'live' }]);
    await gateway.as('delete', `${variables}/REGION`).expect(204);
    expect(await listed('REGION')).toEqual([]);
  });

  it('are removed once', async () => {
    await gateway.as('post', variables).send({ key: 'GONE', value: 'x' }).expect(201);
    await gateway.as('delete', `${variables}/GONE`).expect(204);
    await gateway.as('delete', `${variables}/GONE`).expect(404);
  });
});

describe('secrets', () => {
  it('are stored sealed, and listed by path', async () => {
    await gateway
      .as('post', '/api/ada/engine/secrets')
      .send({ path: 'production/key', value: 'deep secret' })
      .expect(201);
    const { body } = await gateway.as('get', '/api/ada/engine/secrets').expect(200);
    expect(body.items).toEqual([{ path: 'production/key' }]);
  });
  it.each(['../x', 'a//b', '/a', 'a/', 'a/../b', 'a b', ''])('cannot lie at "%s"', async (path) => {
    await gateway.as('post', '/api/ada/engine/secrets').send({ path, value: 'x' }).expect(400);
  });
});

describe('subscriptions', () => {
  const subscriptions = '/api/ada/engine/subscriptions';

  it('are asked for with a sealed address', async () => {
    const url = 'https://hooks.example/services/T0/B0/token';
    const { body } = await gateway
      .as('post', subscriptions)
      .send({ kind: 'slack', url, on: ['failed'] })
      .expect(201);
    expect(body).toMatchObject({ kind: 'slack', host: 'hooks.example', on: ['failed'] });
    const projectId = projectIdOf('ada', 'engine');
    const stored = (await gateway.ports.eventStore.readStream(projectStream(projectId))).at(-1)!;
    const { sealedUrl } = (stored.data as { channel: { sealedUrl: string } }).channel;
    expect(gateway.ports.secretBox.open(sealedUrl, `project:${projectId}:subscription:${body.id}`)).toBe(url);
    await gateway.as('delete', `${subscriptions}/${body.id}`).expect(204);
    await gateway.as('delete', `${subscriptions}/${body.id}`).expect(404);
  });

  it.each(['ftp://x', 'file:///etc/passwd', 'nonsense', 'https://a:b@host/'])('cannot go to %s', async (url) => {
    await gateway
      .as('post', subscriptions)
      .send({ kind: 'webhook', url })
      .expect(422)
      .expect(/invalid_url/);
  });
});
