import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobNamed, PROJECT, Sandbox, START_MS, until } from '@foldline/client';

type Received = { path: string; headers: IncomingHttpHeaders; body: string };
let sandbox: Sandbox;
let server: Server;
let address: string;
const received: Received[] = [];
/** Statuses that the receiver answers with, by path and in order; 204 when there are no more. */
const answers = new Map<string, number[]>();

beforeAll(async () => {
  sandbox = await Sandbox.start({ FOLDLINE_ALLOW_PRIVATE_TARGETS: 'true' });
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = request.url!;
      received.push({ path, headers: request.headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(answers.get(path)?.shift() ?? 204).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}, START_MS);
afterAll(async () => {
  await sandbox.stop();
  server.close();
}, START_MS);

const at = (path: string): Received[] => received.filter((message) => message.path === path);
const subscribe = (kind: string, path: string, on?: string[]): Promise<{ id: string; signingSecret?: string }> =>
  sandbox.client.post(`/api/${PROJECT}/subscriptions`, { kind, url: address + path, ...(on ? { on } : {}) });
type Notification = { subscriptionId: string; status: string; because?: string; attempts: { status?: number }[] };
const notificationOf = (subscriptionId: string, status: string): Promise<Notification> =>
  until(`a notification of ${subscriptionId} to be ${status}`, async () => {
    const { items } = await sandbox.client.get<{ items: Notification[] }>(`/api/${PROJECT}/notifications`);
    return items.find((found) => found.subscriptionId === subscriptionId && found.status === status);
  });

const GOOD = 'build:\n  script: "true"\n';
const BAD = 'build:\n  script: "false"\n';

describe('S0-72 notifications', () => {
  it('go to a webhook, signed so that the receiver can check them', async () => {
    const { id, signingSecret } = await subscribe('webhook', '/signed?token=hidden-in-the-address');
    const pipeline = await sandbox.run(GOOD);
    await notificationOf(id, 'delivered');
    const [message] = at('/signed?token=hidden-in-the-address');
    expect(JSON.parse(message!.body)).toMatchObject({
      type: 'pipeline.finished',
      pipelineId: pipeline.id,
      project: PROJECT,
      ref: 'main',
      sha: pipeline.sha,
      status: 'success',
    });
    const key = Buffer.from(signingSecret!.slice('whsec_'.length), 'base64');
    const {
      'webhook-id': messageId,
      'webhook-timestamp': timestamp,
      'webhook-signature': signature,
    } = message!.headers;
    const signed = createHmac('sha256', key).update(`${String(messageId)}.${String(timestamp)}.${message!.body}`);
    expect(signature).toBe(`v1,${signed.digest('base64')}`);
  });

  it('keep the address to themselves', async () => {
    const lists = await Promise.all(
      ['subscriptions', 'notifications'].map((list) => sandbox.client.get(`/api/${PROJECT}/${list}`)),
    );
    const events = await sandbox.client.get(`/api/v1/events?limit=1000`);
    expect(JSON.stringify([lists, events])).not.toContain('hidden-in-the-address');
  });

  it('are sent again with the same id when the receiver has trouble', async () => {
    answers.set('/shaky', [503]);
    const { id } = await subscribe('webhook', '/shaky', ['failed']);
    await sandbox.run(GOOD);
    await sandbox.run(BAD);
    const { attempts } = await notificationOf(id, 'delivered');
    expect(attempts.map(({ status }) => status)).toEqual([503, 204]);
    expect(new Set(at('/shaky').map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(at('/shaky')).toHaveLength(2);
  });

  it('are given up when the receiver refuses for good', async () => {
    answers.set('/gone', [410]);
    const { id } = await subscribe('webhook', '/gone', ['failed']);
    await sandbox.run(BAD);
    expect((await notificationOf(id, 'abandoned')).because).toBe('the receiver refused it with status 410');
    expect(at('/gone')).toHaveLength(1);
  });

  it('go to Slack as text that cannot mention anybody', async () => {
    const { id } = await subscribe('slack', '/slack', ['failed']);
    sandbox.commitOnly({ '.codara-ci.yml': BAD });
    const failed = await sandbox.rested((await sandbox.trigger()).id);
    await notificationOf(id, 'delivered');
    const { text } = JSON.parse(at('/slack')[0]!.body) as { text: string };
    expect(text).toBe(`Pipeline ${failed.id} of ${PROJECT} on main (${failed.sha.slice(0, 8)}) failed.`);
  });

  it('stop when the subscription is removed', async () => {
    const { items } = await sandbox.client.get<{ items: { id: string }[] }>(`/api/${PROJECT}/subscriptions`);
    for (const { id } of items) {
      expect((await sandbox.client.raw('DELETE', `/api/${PROJECT}/subscriptions/${id}`)).status).toBe(204);
    }
    await until('the subscriptions to be gone', async () => {
      const list = await sandbox.client.get<{ items: unknown[] }>(`/api/${PROJECT}/subscriptions`);
      return list.items.length === 0;
    });
    const before = received.length;
    const { id } = await subscribe('webhook', '/last');
    await sandbox.run(BAD);
    await notificationOf(id, 'delivered');
    expect(received.length).toBe(before + 1);
  });
});

describe('S0-22 environments and deployments', () => {
  type Deployment = { jobId: string; environment: string; sha: string; status: string; url?: string };
  const deployments = async (): Promise<Deployment[]> =>
    (await sandbox.client.get<{ items: Deployment[] }>(`/api/${PROJECT}/deployments`)).items;
  const deploy = (script: string): string =>
    `deploy:\n  script: ${script}\n  environment: {name: "review/$CI_COMMIT_REF_SLUG", url: "https://$CI_COMMIT_REF_SLUG.example.com"}\n`;

  it('tell what runs where after a deployment', async () => {
    const pipeline = await sandbox.run(deploy('"true"'));
    const [deployment] = await until('the deployment to be recorded', async () => {
      const found = await deployments();
      return found[0]?.status === 'success' && found;
    });
    expect(deployment).toMatchObject({
      jobId: jobNamed(pipeline, 'deploy').id,
      environment: 'review/main',
      sha: pipeline.sha,
      url: 'https://main.example.com/',
    });
    const environment = await until('the environment to show it', async () => {
      const { items } = await sandbox.client.get<{ items: { name: string; current?: { sha: string } }[] }>(
        `/api/${PROJECT}/environments`,
      );
      return items[0]?.current && items[0];
    });
    expect(environment).toMatchObject({ name: 'review/main', current: { sha: pipeline.sha } });
  });

  it('keep what ran before when a deployment fails', async () => {
    const good = (await deployments())[0]!;
    const pipeline = await sandbox.run(deploy('"false"'));
    await until('the failed deployment to be recorded', async () => (await deployments())[0]?.status === 'failed');
    expect((await deployments())[0]).toMatchObject({ sha: pipeline.sha });
    const { items } = await sandbox.client.get<{ items: { current?: { sha: string } }[] }>(
      `/api/${PROJECT}/environments`,
    );
    expect(items).toMatchObject([{ current: { sha: good.sha } }]);
  });
});
