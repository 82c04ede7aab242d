import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Global, Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  NotificationAbandoned,
  NotificationAttempted,
  NotificationDelivered,
  NotificationRequested,
  PipelineFinished,
  SubscriptionCreated,
  SubscriptionRemovalRequested,
  SubscriptionRemoved,
  SubscriptionRequested,
  type NewEvent,
  type PipelineContext,
  type RecordedEvent,
} from '@foldline/contracts';
import { openEmbeddedEventStore } from '@foldline/event-store-embedded';
import {
  COMMANDS,
  Commands,
  defineProjection,
  PORT,
  when,
  type EventStore,
  type Logger,
  type Projection,
  type ReadModels,
  type ReadStore,
  type SecretBox,
  signingKeyOf,
} from '@foldline/kernel';
import { openEmbeddedReadStore } from '@foldline/read-store-embedded';
import { ManualClock } from '@foldline/testing';
import { signatureHeaders } from './delivery/webhook-signature.ts';
import { NotifierEvents } from './notifier.events.ts';
import { NotifierModule } from './notifier.module.ts';

const subscriptions = defineProjection<{ id: string; projectId: string; on: string[] }>(
  'subscriptions',
  (doc) => ({ byProject: `${doc.projectId}/${doc.id}` }),
  [
    when(
      SubscriptionCreated,
      (data) => data.subscriptionId,
      (_doc, { data }, id) => ({ id, projectId: data.projectId, on: data.on }),
    ),
    when(
      SubscriptionRemoved,
      (data) => data.subscriptionId,
      (_doc: { id: string; projectId: string; on: string[] } | undefined) => undefined,
    ),
  ],
);
type Note = { id: string; status: string };
const notifications = defineProjection<Note>('notifications', (doc) => ({ byStatus: `${doc.status}/${doc.id}` }), [
  when(
    NotificationRequested,
    (data) => data.notificationId,
    (_doc, _event, id) => ({ id, status: 'pending' }),
  ),
  when(
    NotificationDelivered,
    (data) => data.notificationId,
    (_doc, _event, id) => ({ id, status: 'delivered' }),
  ),
  when(
    NotificationAbandoned,
    (data) => data.notificationId,
    (_doc, _event, id) => ({ id, status: 'abandoned' }),
  ),
]);

/** Read models that are brought up to date whenever somebody asks. */
class FoldedOnDemand implements ReadModels {
  private applied = 0;
  constructor(
    private readonly projections: readonly Projection[],
    private readonly events: EventStore,
    private readonly reads: ReadStore,
  ) {}
  position(): number {
    return this.applied;
  }
  async reached(position: number): Promise<boolean> {
    for (const event of await this.events.readAll({ after: this.applied, limit: 1000 })) {
      for (const { collection, changes, indexes } of this.projections) {
        const change = changes.get(event.type);
        for (const id of change?.ids(event) ?? []) {
          const doc = change!.evolve(await this.reads.get(collection, id), event, id);
          const write = { collection, id, doc, indexes: doc ? indexes(doc) : {} };
          await this.reads.apply('test', event.position, [write]);
        }
      }
      this.applied = event.position;
    }
    return position <= this.applied;
  }
}

const box: SecretBox = {
  seal: (clear, context) => `sealed|${context}|${clear}`,
  open: (sealed, context) => sealed.slice(`sealed|${context}|`.length),
  keyFor: (purpose) => Buffer.from(`a key for ${purpose}`),
};
const lines: string[] = [];
const line = (_fields: object, message: string): void => void lines.push(message);
const logger: Logger = { debug: line, info: line, warn: line, error: line };

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
  const ports = [
    { provide: COMMANDS, useValue: new Commands(store, clock, 'notifier') },
    { provide: PORT.clock, useValue: clock },
    { provide: PORT.logger, useValue: logger },
    { provide: PORT.eventStore, useValue: store },
    { provide: PORT.readStore, useValue: reads },
    { provide: PORT.readModels, useValue: new FoldedOnDemand([subscriptions, notifications], store, reads) },
    { provide: PORT.secretBox, useValue: box },
    { provide: PORT.settings, useValue: { allowPrivateTargets } },
  ];
  @Global()
  @Module({ providers: ports, exports: ports.map(({ provide }) => provide) })
  class Ports {}
  @Module({ imports: [Ports, NotifierModule] })
  class Host {}
  app = await NestFactory.createApplicationContext(Host, { logger: false, abortOnError: false });
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
const recorded = <Type extends string, Data>(event: NewEvent<Type, Data>, id: string): RecordedEvent<Type, Data> => ({
  ...event,
  id,
  stream: 'pipeline-p1',
  revision: 0,
  position: 0,
  causationId: 'c',
  correlationId: 'p1',
  actor: { kind: 'system', id: 'test' },
  recordedAt: '2030-01-01T00:00:00.000Z',
});
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

const subscribe = async (
  kind: 'slack' | 'webhook' = 'webhook',
  on: ('success' | 'failed' | 'cancelled')[] = ['success'],
) => {
  const sealedUrl = box.seal(address, 'project:pr1:subscription:s1');
  const channel = { kind, sealedUrl, host: '127.0.0.1' };
  const request = recorded(
    SubscriptionRequested({ subscriptionId: 's1', projectId: 'pr1', channel, on }),
    'subscribe-1',
  );
  await events().subscriptionRequested(request);
  await events().subscriptionRequested(request);
};
const context = {
  pipelineId: 'p1',
  project: { id: 'pr1', owner: 'acme', name: 'shop', url: '/srv/shop', defaultBranch: 'main' },
  ref: { name: 'main', kind: 'branch', protected: true },
  sha: 'a'.repeat(40),
} as PipelineContext;
const finish = (status: 'success' | 'failed' | 'timed_out' | 'skipped' = 'success') =>
  events().pipelineFinished(recorded(PipelineFinished({ pipelineId: 'p1', status, context }), 'finished-1'));
/** What the bus does once the request is in the log. */
const handOver = async (): Promise<void> => {
  const event = await untilStored('NotificationRequested');
  events().notificationRequested(event as Parameters<NotifierEvents['notificationRequested']>[0]);
};

describe('subscribing', () => {
  it('creates a subscription once and removes it once', async () => {
    await subscribe();
    const removal = recorded(SubscriptionRemovalRequested({ subscriptionId: 's1', projectId: 'pr1' }), 'remove-1');
    await events().subscriptionRemovalRequested(removal);
    await restart();
    await events().subscriptionRemovalRequested(removal);
    await subscribe();
    expect((await stored()).map(({ type }) => type)).toEqual(['SubscriptionCreated', 'SubscriptionRemoved']);
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
    await finish('success');
    await finish('skipped');
    await events().subscriptionRemovalRequested(
      recorded(SubscriptionRemovalRequested({ subscriptionId: 's1', projectId: 'pr1' }), 'remove-1'),
    );
    await finish('failed');
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
    await events().subscriptionRemovalRequested(
      recorded(SubscriptionRemovalRequested({ subscriptionId: 's1', projectId: 'pr1' }), 'remove-1'),
    );
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
