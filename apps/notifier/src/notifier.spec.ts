import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INestApplicationContext } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  NotificationAttempted,
  PipelineFinished,
  SubscriptionRemovalRequested,
  SubscriptionRequested,
  type NewEvent,
  type PipelineContext,
  type RecordedEvent,
} from '@foldline/contracts';
import { openEmbeddedEventStore } from '@foldline/event-store-embedded';
import { signingKeyOf, TransientError, type EventStore, type ReadStore } from '@foldline/kernel';
import { openEmbeddedReadStore } from '@foldline/read-store-embedded';
import { ManualClock } from '@foldline/testing';
import { signatureHeaders } from './delivery/webhook-signature.ts';
import type { Moment } from './notification/message.ts';
import { NotifierEvents } from './notifier.events.ts';
import { box, startNotifier } from './notifier.fixture.ts';

type Received = { headers: IncomingHttpHeaders; body: string };
let received: Received[];
/** Statuses that the receiver answers, one after the other, and then 200; 0 hangs up. */
let answers: number[];
let directory: string;
let server: Server;
let store: EventStore;
let reads: ReadStore;
let clock: ManualClock;
let app: INestApplicationContext;
let address: string;
let allowPrivateTargets: boolean;

const start = async (): Promise<void> => {
  app = await startNotifier({ store, reads, clock, allowPrivateTargets });
};
const restart = async (): Promise<void> => {
  await app.close();
  await start();
};

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-notifier-'));
  clock = new ManualClock();
  received = [];
  answers = [];
  allowPrivateTargets = true;
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      received.push({ headers: request.headers, body });
      const status = answers.shift() ?? 200;
      if (status === 0) request.socket.destroy();
      else response.writeHead(status).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  store = await openEmbeddedEventStore({ directory: join(directory, 'events'), now: () => clock.now() });
  reads = await openEmbeddedReadStore({ directory: join(directory, 'reads') });
  await start();
});
afterEach(async () => {
  await app.close();
  await reads.close();
  await store.close();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true, force: true });
});

const events = (): NotifierEvents => app.get(NotifierEvents, { strict: false });
/** The event as another service stores it; under the same id it is stored once, and given to the notifier every time. */
const recorded = async <Type extends string, Data>(
  stream: string,
  event: NewEvent<Type, Data>,
  id: string,
): Promise<RecordedEvent<Type, Data>> => {
  const before = await store.readStream(stream);
  const known = before.find((each) => each.id === id);
  if (known) return known as RecordedEvent<Type, Data>;
  const meta = { id, causationId: 'c', correlationId: 'p1', actor: { kind: 'system', id: 'test' } } as const;
  const { events: appended } = await store.append(stream, [{ ...event, ...meta }], before.length - 1);
  return appended[0] as RecordedEvent<Type, Data>;
};
const stored = (): Promise<RecordedEvent[]> => store.readAll({ after: 0, limit: 1000 });
const countOf = async (type: string): Promise<number> => (await stored()).filter((event) => event.type === type).length;

/** Waits for the log itself to show an event of the type. */
const untilStored = async (type: string): Promise<RecordedEvent> => {
  const found = new AbortController();
  let event: RecordedEvent | undefined;
  await store.follow(
    0,
    (batch) => {
      event ??= batch.find((each) => each.type === type);
      if (event) found.abort();
    },
    found.signal,
  );
  return event!;
};

const wish = (kind: 'slack' | 'webhook' = 'webhook', on: Moment[] = ['success']) => {
  const sealedUrl = box.seal(address, 'project:pr1:subscription:s1');
  const channel = { kind, sealedUrl, host: '127.0.0.1' };
  const event = SubscriptionRequested({ subscriptionId: 's1', projectId: 'pr1', channel, on });
  return recorded('project-pr1', event, 'subscribe-1');
};
const subscribe = async (...wished: Parameters<typeof wish>): Promise<void> => {
  const request = await wish(...wished);
  await events().subscriptionRequested(request);
  await events().subscriptionRequested(request);
};
const unsubscribe = async (): Promise<void> => {
  const event = SubscriptionRemovalRequested({ subscriptionId: 's1', projectId: 'pr1' });
  await events().subscriptionRemovalRequested(await recorded('project-pr1', event, 'remove-1'));
};
const context = {
  pipelineId: 'p1',
  project: { id: 'pr1', owner: 'acme', name: 'shop', url: '/srv/shop', defaultBranch: 'main' },
  ref: { name: 'main', kind: 'branch', protected: true },
  sha: 'a'.repeat(40),
} as PipelineContext;
type Status = 'success' | 'failed' | 'timed_out' | 'skipped';
const finished = (status: Status = 'success', id = 'finished-1') =>
  recorded('pipeline-p1', PipelineFinished({ pipelineId: 'p1', status, context }), id);
const finish = async (status?: Status, id?: string): Promise<void> =>
  events().pipelineFinished(await finished(status, id));
/** What the bus does once the request is in the log. */
const handOver = async (): Promise<void> => {
  const event = await untilStored('NotificationRequested');
  events().notificationRequested(event as Parameters<NotifierEvents['notificationRequested']>[0]);
};

describe('subscribing', () => {
  it('creates a subscription once and removes it once', async () => {
    await subscribe();
    await unsubscribe();
    await restart();
    await unsubscribe();
    await subscribe();
    const kept = await store.readStream('subscription-s1');
    expect(kept.map(({ type }) => type)).toEqual(['SubscriptionCreated', 'SubscriptionRemoved']);
  });
});

describe('a finished pipeline', () => {
  it('is told to a subscriber of its result, once', async () => {
    await subscribe('slack', ['failed']);
    await finish('timed_out');
    await finish('timed_out');
    await restart();
    await finish('timed_out');
    expect(await countOf('NotificationRequested')).toBe(1);
    const { data } = await untilStored('NotificationRequested');
    expect(data).toMatchObject({ pipelineId: 'p1', payload: { text: expect.stringContaining('acme/shop') } });
    expect(JSON.stringify(data)).not.toContain(`"${address}`);
  });

  it('is not told to a subscriber of other results, after removal, or when it was skipped', async () => {
    await subscribe('slack', ['failed']);
    await finish('success', 'finished-1');
    await finish('skipped', 'finished-2');
    await unsubscribe();
    await finish('failed', 'finished-3');
    expect(await countOf('NotificationRequested')).toBe(0);
  });

  it('waits for a subscription that was wished for before it finished and is not kept yet', async () => {
    const request = await wish();
    await expect(finish()).rejects.toThrow(TransientError);
    expect(await countOf('NotificationRequested')).toBe(0);
    await events().subscriptionRequested(request);
    await finish();
    expect(await countOf('NotificationRequested')).toBe(1);
  });

  it('is not told to who subscribed later, though it comes later', async () => {
    const event = await finished();
    await subscribe();
    await events().pipelineFinished(event);
    expect(await countOf('NotificationRequested')).toBe(0);
  });

  it('does not wait for a subscription whose removal was wished for and is not kept yet', async () => {
    await subscribe();
    const removal = SubscriptionRemovalRequested({ subscriptionId: 's1', projectId: 'pr1' });
    await recorded('project-pr1', removal, 'remove-1');
    await finish();
    expect(await countOf('NotificationRequested')).toBe(0);
  });
});

describe('a notification', () => {
  it('is delivered once, signed, however often it is handed over', async () => {
    await subscribe();
    await finish();
    await handOver();
    await handOver();
    const { data } = await untilStored('NotificationDelivered');
    await handOver();
    await restart();
    await handOver();
    await app.close();
    const { notificationId } = data as { notificationId: string };
    expect(received).toHaveLength(1);
    const { headers, body } = received[0]!;
    expect(JSON.parse(body)).toMatchObject({ type: 'pipeline.finished', pipelineId: 'p1', status: 'success' });
    const key = signingKeyOf(box, 's1');
    expect(headers).toMatchObject({
      'x-foldline-delivery': notificationId,
      ...signatureHeaders(key, notificationId, clock.now(), body),
    });
    await start();
  });

  it('is tried again after growing pauses and with the same id', async () => {
    answers = [500, 0, 503];
    await subscribe();
    await finish();
    await handOver();
    for (const pause of [1_000, 5_000, 30_000]) {
      await clock.sleeping(pause);
      clock.advance(pause);
    }
    await untilStored('NotificationDelivered');
    const tries = (await stored()).filter(({ type }) => type === NotificationAttempted.type).map(({ data }) => data);
    expect(tries).toMatchObject([
      { attempt: 1, status: 500 },
      { attempt: 2, error: 'no connection (ECONNRESET)' },
      { attempt: 3, status: 503 },
      { attempt: 4, status: 200 },
    ]);
    expect(new Set(received.map(({ headers }) => headers['x-foldline-delivery'])).size).toBe(1);
  });

  it('is abandoned after six tries', async () => {
    answers = [500, 500, 500, 500, 500, 500];
    await subscribe();
    await finish();
    await handOver();
    for (const pause of [1_000, 5_000, 30_000, 120_000, 600_000]) {
      await clock.sleeping(pause);
      clock.advance(pause);
    }
    const { data } = await untilStored('NotificationAbandoned');
    expect(data).toMatchObject({ because: '6 tries failed, the last with status 500' });
    expect(received).toHaveLength(6);
  });

  it('is abandoned at once when the receiver is gone', async () => {
    answers = [410];
    await subscribe();
    await finish();
    await handOver();
    await untilStored('NotificationAbandoned');
    expect(received).toHaveLength(1);
  });

  it('goes on after a restart where it was', async () => {
    answers = [500];
    await subscribe();
    await finish();
    await handOver();
    await clock.sleeping(1_000);
    await restart();
    await clock.sleeping(1_000);
    clock.advance(1_000);
    await untilStored('NotificationDelivered');
    expect(received).toHaveLength(2);
    expect(await countOf('NotificationAttempted')).toBe(2);
  });

  it('is sent after a restart that came before its first try', async () => {
    await subscribe();
    await finish();
    await restart();
    await untilStored('NotificationDelivered');
    expect(received).toHaveLength(1);
  });

  it('is not tried again after its subscription was removed', async () => {
    answers = [500];
    await subscribe();
    await finish();
    await handOver();
    await clock.sleeping(1_000);
    await unsubscribe();
    clock.advance(1_000);
    expect((await untilStored('NotificationAbandoned')).data).toMatchObject({
      because: 'its subscription was removed',
    });
    expect(received).toHaveLength(1);
  });

  it('never goes to a private address unless that is allowed', async () => {
    allowPrivateTargets = false;
    await restart();
    await subscribe();
    await finish();
    await handOver();
    const { data } = await untilStored('NotificationAbandoned');
    expect(data).toMatchObject({ because: 'the address is not on the open Internet' });
    expect(received).toEqual([]);
  });
});
