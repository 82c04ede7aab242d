import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordedEvent } from '@foldline/contracts';
import { openEmbeddedEventStore } from '@foldline/event-store-embedded';
import { NO_STREAM, type Claims, type EventBus, type EventHandler, type EventStore } from '@foldline/kernel';
import { Collected, sampleEvents, type EventBusOptions } from '@foldline/testing';
import { createKafkaBus, type KafkaBus } from './kafka-bus.ts';
import type { KafkaBusOptions } from './kafka-bus-options.ts';
import { kafkaOf, type KafkaSettings } from './kafka-connection.ts';
import { kafkaOutlet } from './kafka-relay.ts';
import type { Publisher } from './publisher.ts';
import { Relay, type RelayOptions } from './relay.ts';
import { topicsOf, withAdmin } from './topics.ts';

export const now = (): string => new Date().toISOString();
export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  sleep(ms, undefined, signal ? { signal } : {});

/** For a process that is alone: it always leads. Two relays with it lead at once. */
export const alone: Claims = {
  contend: async ({ onChange, signal }) => {
    onChange(true);
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (signal.aborted) resolve();
    });
  },
};

export const CATEGORIES = ['pipeline', 'plan', 'group'];
/** Topics and groups of a test's own, and a store that feeds them. */
export const openKafkaFixture = async (brokers: string) => {
  const settings: KafkaSettings = {
    brokers: brokers.split(','),
    clientId: 'test',
    prefix: `test-${randomUUID()}.`,
    partitions: 3,
  };
  const directory = mkdtempSync(join(tmpdir(), 'foldline-bus-kafka-'));
  const store = await openEmbeddedEventStore({ directory: join(directory, 'events'), now });
  const relays: Relay[] = [];
  const buses: KafkaBus[] = [];
  const next = new Map<string, number>();
  const relay = (options: Partial<RelayOptions> = {}): Relay => {
    const created = new Relay({
      name: 'test',
      categories: CATEGORIES,
      store,
      claims: alone,
      now,
      sleep: pause,
      saveEveryMs: 10,
      retry: { baseMs: 5 },
      ...kafkaOutlet(settings),
      ...options,
    });
    relays.push(created);
    created.start();
    return created;
  };
  const bus = async (options: Partial<KafkaBusOptions> = {}): Promise<KafkaBus> => {
    const created = await createKafkaBus({
      kafka: settings,
      store,
      now,
      sleep: pause,
      retry: { attempts: 3, baseMs: 2 },
      commitEveryMs: 10,
      timings: { sessionTimeoutMs: 6_000, rebalanceTimeoutMs: 6_000, heartbeatMs: 100 },
      ...options,
    });
    buses.push(created);
    return created;
  };
  /** A process of the group, and what it has handled. */
  const member = async (
    group: string,
    handle: EventHandler = async () => undefined,
    options: Partial<KafkaBusOptions> = {},
  ) => {
    const joined = await bus(options);
    const seen = new Collected();
    await joined.subscribe(group, async (event) => {
      await handle(event);
      seen.add([event]);
    });
    return { bus: joined, seen };
  };
  /** Appends events to one stream of each key; gives the position of the last. */
  const append = async (count: number, keys: readonly string[]): Promise<number> => {
    let position = 0;
    for (const key of keys) {
      const revision = next.get(key) ?? NO_STREAM;
      ({ position } = await store.append(`pipeline-${key}`, sampleEvents(count, key), revision));
      next.set(key, revision + count);
    }
    return position;
  };
  return {
    store: store as EventStore,
    stored: () => store.readAll({ after: 0, limit: 1_000_000, categories: CATEGORIES }),
    directory,
    settings,
    relay,
    bus,
    member,
    append,
    close: async () => {
      await Promise.all(buses.map((each) => each.close()));
      await Promise.all(relays.map((each) => each.close()));
      await store.close();
      const { events, checkpoints } = topicsOf(settings);
      await withAdmin(kafkaOf(settings), async (admin) => {
        const existing = await admin.listTopics();
        const topics = [events, checkpoints].filter((topic) => existing.includes(topic));
        if (topics.length > 0) await admin.deleteTopics({ topics });
      });
      rmSync(directory, { recursive: true });
    },
  };
};

export const revisionsOf = (events: readonly RecordedEvent[], key: string): number[] =>
  events.filter(({ correlationId }) => correlationId === key).map(({ revision }) => revision);

type Seen = { stream: string; revision: number };

/**
 * What of the stored events was not seen, or was seen before one that comes earlier in its stream was. Repeated events
 * are allowed, from any point on.
 */
export const lost = (stored: readonly Seen[], seen: readonly Seen[]): string[] => {
  const last = new Map<string, number>();
  const skipped: string[] = [];
  for (const { stream, revision } of seen) {
    const before = last.get(stream) ?? -1;
    if (revision > before + 1) skipped.push(`${stream}@${revision} came after ${before}`);
    last.set(stream, Math.max(before, revision));
  }
  const missing = stored.filter(({ stream, revision }) => revision > (last.get(stream) ?? -1));
  return [...skipped, ...missing.map(({ stream, revision }) => `${stream}@${revision} never came`)];
};

export type KafkaFixture = Awaited<ReturnType<typeof openKafkaFixture>>;

/** A relay whose output is repeated or lost as told. */
export const faultyOutlet = (
  settings: KafkaSettings,
  deliveries: (event: RecordedEvent) => readonly RecordedEvent[],
): Pick<RelayOptions, 'checkpoints' | 'openPublisher'> => {
  const { checkpoints, openPublisher } = kafkaOutlet(settings);
  return {
    checkpoints,
    openPublisher: async () => {
      const publisher = await openPublisher();
      const known = new Map<string, Parameters<Publisher['publish']>[0][number]>();
      return {
        close: () => publisher.close(),
        publish: async (batch) => {
          for (const outgoing of batch) known.set(outgoing.event.id, outgoing);
          const delivered = batch.flatMap(({ event }) => deliveries(event)).map(({ id }) => known.get(id)!);
          if (delivered.length > 0) await publisher.publish(delivered);
        },
      };
    },
  };
};

/** What the contract asks for: a bus over a store whose events are relayed. */
export const openContractFixture = async (brokers: string) => {
  const fixture = await openKafkaFixture(brokers);
  let relay: Relay | undefined;
  return {
    store: fixture.store,
    open: async ({ deliveries, ...told }: EventBusOptions = {}): Promise<EventBus> => {
      await relay?.close();
      relay = fixture.relay(deliveries ? faultyOutlet(fixture.settings, deliveries) : {});
      return fixture.bus(told);
    },
    close: fixture.close,
  };
};
