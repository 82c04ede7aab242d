import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { triggerStream } from '@foldline/contracts';
import { closeAndRemove, startGatewayWithProject, WEBHOOK_SECRET, type StartedGateway } from '../gateway.fixture.ts';

let gateway: StartedGateway;
let delivered = 0;

beforeAll(async () => {
  gateway = await startGatewayWithProject();
});
afterAll(() => closeAndRemove(gateway));

const push = {
  ref: 'refs/heads/main',
  after: 'c'.repeat(40),
  deleted: false,
  repository: {
    full_name: 'ada/engine',
    clone_url: 'https://forge.example/ada/engine.git',
    ssh_url: 'git@forge.example:ada/engine.git',
  },
};
type Delivery = { event?: string; id?: string; secret?: string; signature?: string; raw?: string };

const deliver = async (
  payload: unknown,
  { event = 'push', id, secret = WEBHOOK_SECRET, signature, raw }: Delivery = {},
) => {
  const body = raw ?? JSON.stringify(payload);
  const call = gateway.anonymous
    .post('/v1/webhooks/github')
    .set('Content-Type', 'application/json')
    .set('X-GitHub-Event', event)
    .set('X-GitHub-Delivery', id ?? `delivery-${(delivered += 1)}`)
    .set('X-Hub-Signature-256', signature ?? `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`);
  return call.send(body);
};
const pipelinesStored = async (): Promise<number> =>
  (await gateway.ports.eventStore.readAll({ after: 0, limit: 1000 })).filter(({ type }) => type === 'PipelineRequested')
    .length;

describe('a delivery of GitHub', () => {
  it('starts a pipeline at the very commit that was pushed', async () => {
    const { status, body } = await deliver(push);
    expect(status).toBe(202);
    expect(body).toMatchObject({
      outcome: 'triggered',
      because: 'branch main was pushed',
      pipelines: [expect.any(String)],
    });
    const [request] = await gateway.ports.eventStore.readStream(triggerStream(body.pipelines[0]));
    expect(request).toMatchObject({
      actor: { kind: 'system', id: 'github' },
      data: { sha: push.after, source: 'push', ref: { name: 'main', kind: 'branch', protected: true } },
    });
  });

  it('starts it once, however often it comes', async () => {
    const before = await pipelinesStored();
    const all = await Promise.all(Array.from({ length: 20 }, () => deliver(push, { id: 'again-and-again' })));
    expect(new Set(all.map(({ status, body }) => `${status} ${body.pipelines}`)).size).toBe(1);
    expect(await pipelinesStored()).toBe(before + 1);
  });

  it('finds the project by its address too', async () => {
    const other = { ...push, repository: { full_name: 'somebody/else', clone_url: gateway.repository.url } };
    expect((await deliver(other)).body.outcome).toBe('triggered');
  });

  it.each([
    [
      'an unknown repository',
      { ...push, repository: { full_name: 'no/body' } },
      'push',
      'no project is registered for no/body',
    ],
    ['a deleted branch', { ...push, deleted: true }, 'push', 'refs/heads/main was deleted'],
    ['a commit of zeros only', { ...push, after: '0'.repeat(40) }, 'push', 'refs/heads/main was deleted'],
    ['another event', { action: 'opened' }, 'issues', 'events of type issues start nothing'],
  ])('is ignored with the reason for %s', async (_what, payload, event, because) => {
    const { status, body } = await deliver(payload, { event });
    expect({ status, body }).toMatchObject({ status: 202, body: { outcome: 'ignored', because, pipelines: [] } });
  });

  it('is answered when it is a ping', async () => {
    const { status, body } = await deliver({ zen: 'x' }, { event: 'ping' });
    expect({ status, outcome: body.outcome }).toEqual({ status: 200, outcome: 'pong' });
  });

  it('is on record, whatever came of it', async () => {
    await deliver({ action: 'opened' }, { event: 'issues', id: 'recorded' });
    await gateway.ports.readModels.reached(await gateway.ports.eventStore.lastPosition(), 5000);
    const { body } = await gateway.as('get', '/api/v1/webhooks/deliveries?limit=1').expect(200);
    expect(body.items).toMatchObject([{ id: 'recorded', event: 'issues', outcome: 'ignored' }]);
  });
});

describe('a delivery under an id that another one has', () => {
  it('is refused when its body is another one', async () => {
    await deliver(push, { id: 'one-id' });
    const before = await pipelinesStored();
    const { status, body } = await deliver({ ...push, after: 'd'.repeat(40) }, { id: 'one-id' });
    expect({ status, code: body.code }).toEqual({ status: 409, code: 'delivery_reused' });
    expect(await pipelinesStored()).toBe(before);
  });
  it('is refused when its event is another one', async () => {
    await deliver(push, { id: 'one-event' });
    expect((await deliver(push, { id: 'one-event', event: 'issues' })).status).toBe(409);
  });
  it('is refused also when both come at once', async () => {
    const bodies = ['a', 'b', 'c', 'd'].map((letter) => ({ ...push, after: letter.repeat(40) }));
    const before = await pipelinesStored();
    const all = await Promise.all(bodies.map(async (body) => (await deliver(body, { id: 'at-once' })).status));
    expect(all.toSorted()).toEqual([202, 409, 409, 409]);
    expect(await pipelinesStored()).toBe(before + 1);
  });
});

describe('a delivery that is not signed with the secret', () => {
  it.each([
    ['another secret', { secret: 'another-secret' }],
    ['no signature', { signature: '' }],
    ['a signature of something else', { signature: `sha256=${'0'.repeat(64)}` }],
    ['a signature of the wrong kind', { signature: 'sha1=abc' }],
  ])('is refused with %s, and nothing is recorded', async (_what, how) => {
    const before = await gateway.ports.eventStore.lastPosition();
    const { status, body } = await deliver(push, how);
    expect({ status, code: body.code }).toEqual({ status: 401, code: 'invalid_signature' });
    expect(await gateway.ports.eventStore.lastPosition()).toBe(before);
  });
  it('is refused before anything in it is read', async () => {
    expect((await deliver(null, { raw: '{"not json', secret: 'another-secret' })).status).toBe(401);
  });
  it('cannot use the admin token instead', async () => {
    await gateway.as('post', '/v1/webhooks/github').send(push).expect(401);
  });
});

describe('a signed delivery that makes no sense', () => {
  it.each([
    ['no JSON', { raw: '{"ref":' }],
    ['JSON that is nested too deep', { raw: '['.repeat(10_000) }],
    ['a delivery id that is none', { id: '../../etc/passwd' }],
    ['an event that is none', { event: 'Push; rm' }],
  ])('is refused when it is %s', async (_what, how) => {
    expect((await deliver(push, how)).status).toBe(400);
  });

  it('is refused whatever value stands where another belongs', async () => {
    const values: unknown[] = [
      null,
      0,
      -1,
      1e308,
      true,
      '',
      'x',
      '\u0000',
      [],
      [[]],
      {},
      { toString: 'x' },
      'x'.repeat(5000),
    ];
    const replaced = (path: string[], value: unknown): unknown => {
      const copy = structuredClone(push) as Record<string, unknown>;
      const parent = path
        .slice(0, -1)
        .reduce<Record<string, unknown>>((at, key) => at[key] as Record<string, unknown>, copy);
      parent[path.at(-1)!] = value;
      return copy;
    };
    const paths = [
      ['ref'],
      ['after'],
      ['deleted'],
      ['repository'],
      ['repository', 'full_name'],
      ['repository', 'clone_url'],
      ['repository', 'ssh_url'],
    ];
    for (const path of paths) {
      for (const value of values) {
        const { status } = await deliver(replaced(path, value));
        expect({ path, value: JSON.stringify(value)?.slice(0, 30), fine: [202, 400].includes(status) }).toMatchObject({
          fine: true,
        });
      }
    }
    for (const value of values) expect((await deliver(value)).status).toBe(400);
    await gateway.anonymous.get('/healthz').expect(200);
  });
});
