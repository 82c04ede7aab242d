import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { closeAndRemove, startGatewayWithProject, type StartedGateway } from '../gateway.fixture.ts';

const base = '/api/ada/engine/callers';
let gateway: StartedGateway;

beforeAll(async () => {
  gateway = await startGatewayWithProject();
});
afterAll(() => closeAndRemove(gateway));

const shown = async (): Promise<string[]> => (await gateway.as('get', base).expect(200)).body.callers;

describe('The callers of a project', () => {
  it('are none until somebody names them', async () => expect(await shown()).toEqual([]));

  it('are those that were named last, shown at once', async () => {
    for (const callers of [['bob/app', 'acme/*'], ['bob/app'], []]) {
      const { body, headers } = await gateway.as('put', base).send({ callers }).expect(200);
      expect(body).toMatchObject({ callers });
      const { body: later } = await gateway.as('get', `${base}?minPosition=${headers['x-event-position']}`);
      expect(later).toEqual({ callers });
    }
  });

  it('are projects, each told that is none', async () => {
    const { body } = await gateway
      .as('put', base)
      .send({ callers: ['bob/app', 'bob', '*/app', 'a/b/c', 'admin/x', '../..'] })
      .expect(422);
    expect(body.code).toBe('invalid_name');
    expect(body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual([
      '/callers/1',
      '/callers/2',
      '/callers/3',
      '/callers/4',
      '/callers/5',
    ]);
  });

  it('must be named, and nothing else is said where they are not', async () => {
    const { body } = await gateway.as('put', base).send({}).expect(400);
    expect(body.errors).toEqual([{ pointer: '/callers', message: 'callers is required' }]);
  });

  it('are each stored once, however often and in whatever letters they are named', async () => {
    const named = { callers: ['bob/app', 'acme/*', 'Bob/App'] };
    const { body, headers } = await gateway.as('put', base).send(named).expect(200);
    expect(body).toMatchObject({ callers: ['bob/app', 'acme/*'] });
    const { body: later } = await gateway.as('get', `${base}?minPosition=${headers['x-event-position']}`);
    expect(later).toEqual({ callers: ['bob/app', 'acme/*'] });
  });

  it.each([{}, { callers: 'bob/app' }, { callers: [1] }, { callers: Array.from({ length: 201 }, () => 'bob/app') }])(
    'are a list of texts of a length: %j',
    async (body) => {
      await gateway.as('put', base).send(body).expect(400);
    },
  );

  it('are for projects that are there, and for whoever has the token', async () => {
    await gateway.as('put', '/api/ada/none/callers').send({ callers: [] }).expect(404);
    await gateway.anonymous.get(base).expect(401);
  });
});
