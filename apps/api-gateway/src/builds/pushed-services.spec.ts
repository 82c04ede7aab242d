import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { triggerStream, type PipelineRequested } from '@foldline/contracts';
import { closeAndRemove, startGatewayWithProject, WEBHOOK_SECRET, type StartedGateway } from '../gateway.fixture.ts';

let gateway: StartedGateway;
beforeEach(async () => {
  gateway = await startGatewayWithProject();
});
afterEach(() => closeAndRemove(gateway));

const service = (name: string, more: object = {}) =>
  gateway
    .as('post', '/v1/cicd/services')
    .send({ project: 'ada/engine', name, ...more })
    .expect(201);
const push = async (ref: string, id: string, secret = WEBHOOK_SECRET) => {
  const repository = { full_name: 'ada/engine', clone_url: 'https://forge.example/ada/engine.git' };
  const body = JSON.stringify({ ref, after: 'c'.repeat(40), repository });
  return gateway.anonymous
    .post('/v1/webhooks/github')
    .set({ 'Content-Type': 'application/json', 'X-GitHub-Event': 'push', 'X-GitHub-Delivery': id })
    .set('X-Hub-Signature-256', `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`)
    .send(body);
};
const builds = async () => {
  const position = await gateway.ports.eventStore.lastPosition();
  return (await gateway.as('get', `/v1/cicd/services/1/builds?minPosition=${position}`).expect(200)).body.items;
};
const requestOf = async (pipelineId: string) =>
  (await gateway.ports.eventStore.readStream(triggerStream(pipelineId)))[0]!.data as ReturnType<
    typeof PipelineRequested
  >['data'];

describe('S2-46 a push', () => {
  beforeEach(async () => {
    await service('shop');
    await service('admin');
    await service('next', { branch: 'develop' });
    await service('by-hand', { auto_build: false });
  });

  it('builds every service of its branch that asks for it, at the very commit', async () => {
    const { body } = await push('refs/heads/main', 'd1');
    expect(body).toMatchObject({ outcome: 'triggered', builds: [1, 2] });
    expect(await builds()).toMatchObject([
      { id: 1, git_sha: 'c'.repeat(40), image_tag: 'shop:main-ccccccc', status: 'queued' },
    ]);
    expect((await push('refs/heads/develop', 'd2')).body.builds).toEqual([3]);
  });

  it('builds them once, however often it is delivered', async () => {
    const { body } = await push('refs/heads/main', 'd1');
    expect((await push('refs/heads/main', 'd1')).body).toEqual(body);
    expect(await builds()).toHaveLength(1);
  });

  it('needs no definition besides, where it builds something', async () => {
    const { body } = await push('refs/heads/main', 'd1');
    expect(await requestOf(body.pipelines[0])).toMatchObject({ mayLackDefinition: true });
    const other = await push('refs/heads/other', 'd2');
    expect(other.body).not.toHaveProperty('builds');
    expect(await requestOf(other.body.pipelines[0])).not.toHaveProperty('mayLackDefinition');
  });

  it('of a tag builds nothing, and one that nobody signed neither', async () => {
    expect((await push('refs/tags/main', 'd1')).body).not.toHaveProperty('builds');
    expect((await push('refs/heads/main', 'd2', 'another secret')).status).toBe(401);
    expect(await builds()).toEqual([]);
  });
});
