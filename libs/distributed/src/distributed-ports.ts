import { hostname } from 'node:os';
import { join } from 'node:path';
import {
  createKafkaBus,
  createKafkaRelay,
  logFailures,
  reachKafka,
  type KafkaBus,
  type KafkaSettings,
} from '@foldline/bus-kafka';
import { openRedisSignals, redisClaims } from '@foldline/coordination-redis';
import { OWNER, type Category, type ServiceName } from '@foldline/contracts';
import { openEsdbEventStore } from '@foldline/event-store-esdb';
import { restoreLargePayload, withLargePayloads, type EventStore, type Logger, type Ports } from '@foldline/kernel';
import { openS3LogStore } from '@foldline/log-store-s3';
import { openS3ObjectStore } from '@foldline/object-store-s3';
import { openRedisReadStore } from '@foldline/read-store-redis';
import { openRedis } from '@foldline/redis';
import { openS3Bucket } from '@foldline/s3';
import { aesSecretBox, openLocalTools, type ServerSettings, type ServiceSettings } from '@foldline/host';
import type { Check } from './ops-server.ts';
import { requireInstanceKey } from './instance-key/require-instance-key.ts';
import { PAYLOADS } from './payloads-prefix.ts';
import { SharedReadModels } from './shared-read-models.ts';
import { reaching, reachingIfThere } from './server-access.ts';
import type { Telemetry } from './telemetry.ts';

/**
 * A process that dies leaves its partitions to others after the session, as the claims that it held: whatever it did
 * goes on within 20 s. Handling does not hold up heartbeats, so only a process that stands still for so long is taken
 * for dead, and then events are handled twice.
 */
const GROUP = { sessionTimeoutMs: 10_000, heartbeatMs: 2_000 };

const DAY_MS = 24 * 60 * 60 * 1000;

export type DistributedPorts = {
  ports: Ports & { eventBus: KafkaBus; settings: ServiceSettings };
  checks: Check[];
  /** The consumer group that the service takes its events in. */
  group: string;
  /** Brings what this service appends to the bus; to be begun when the service is ready. */
  startRelay: () => void;
  close: () => Promise<void>;
};

/** Connects one service to the four servers. Throws `TransientError` while one does not answer that is needed for a start. */
export const openDistributedPorts = async (
  service: ServiceName,
  settings: ServiceSettings,
  readModelsName: string,
  telemetry: Telemetry,
): Promise<DistributedPorts> => {
  const { servers } = settings;
  const closing: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const step of closing.splice(0).toReversed()) await step();
  };
  try {
    const tools = openLocalTools(settings, service);
    closing.push(tools.close);
    const { clock, logger } = tools.ports;
    const redis = openRedis(servers.redis, {
      onLost: (err) => logger.warn({ err }, 'Redis cannot be reached'),
      onConnected: () => logger.info({}, 'Redis is connected'),
    });
    closing.push(() => redis.close());
    const signals = openRedisSignals({ redis, logger });
    closing.push(() => signals.close());
    const claims = redisClaims({ redis, clock, logger });
    await reachingIfThere('redis', servers, () => redis.call('reach Redis', 'PING'), logger);
    const bucket = await reaching('s3', servers, () => openS3Bucket(servers.s3));
    closing.push(() => bucket.close());
    await reaching('s3', servers, () => requireInstanceKey(bucket, servers.secretKey));
    const [objectStore, payloads] = await Promise.all([
      openS3ObjectStore({ bucket }),
      openS3ObjectStore({ bucket, prefix: PAYLOADS }),
    ]);
    const logStore = await openS3LogStore({ bucket, signals, spoolDirectory: join(settings.dataDirectory, 'spool') });
    closing.push(() => logStore.close());
    const rawLog = await openEsdbEventStore({
      ...servers.eventStore,
      onOutage: (err) => logger.warn({ err }, 'the log is not followed until EventStoreDB answers again'),
    });
    closing.push(() => rawLog.close());
    await reaching('eventStore', servers, () => rawLog.lastPosition());
    const eventStore = withLargePayloads(telemetry.observed(rawLog), payloads);
    const readStore = openRedisReadStore({ redis, generation: readModelsName });
    const kafka = kafkaSettings(service, servers, logger);
    const eventBus = await createKafkaBus({
      kafka,
      store: telemetry.observed(rawLog),
      restore: restoreLargePayload(payloads),
      timings: GROUP,
      now: clock.now,
      sleep: clock.sleep,
      onLost: (events) => {
        for (const { id: eventId, stream, position } of events) {
          telemetry.countLost();
          logger.error({ eventId, stream, position }, 'Kafka has lost an event; it was published again');
        }
      },
      onHandlingFailure: logFailures(logger),
      onTrouble: (err) => logger.warn({ err }, 'the event bus has trouble and goes on'),
    });
    closing.push(() => eventBus.close());
    await reachingIfThere('kafka', servers, () => reachKafka(kafka), logger);
    const group = groupOf(service, settings);
    if (group !== service) await eventBus.beginNow(group);
    const relay = createKafkaRelay({
      kafka,
      name: service,
      categories: categoriesOf(service),
      store: rawLog,
      claims,
      now: clock.now,
      sleep: clock.sleep,
      headers: (event) => telemetry.headersOf(event),
      onTrouble: (err) => logger.warn({ err }, 'the relay has trouble and goes on'),
    });
    closing.push(() => relay.close());
    return {
      ports: {
        settings,
        ...tools.ports,
        eventStore,
        eventBus,
        signals,
        claims,
        objectStore,
        readStore,
        readModels: new SharedReadModels(readStore, readModelsName, clock),
        logStore,
        secretBox: aesSecretBox(servers.secretKey),
      },
      checks: checksOf(service, rawLog, kafka),
      group,
      startRelay: () => relay.start(),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};

/**
 * A service is of no use without the log and the bus, but for the gateway: it answers from the read models and says of
 * each command whether it was accepted. Without Redis all are slower and without S3 they wait where they need bytes, so
 * neither takes them out of service.
 */
const checksOf = (service: ServiceName, log: EventStore, kafka: KafkaSettings): Check[] => {
  const isNeeded = service !== 'api-gateway';
  return [
    { name: 'eventstore', test: async () => void (await log.lastPosition()), isNeeded },
    { name: 'kafka', test: () => reachKafka(kafka), isNeeded },
  ];
};

/** Services share their events between their processes; of runners, each process must see what concerns its own. */
const groupOf = (service: ServiceName, { runners }: ServiceSettings): string =>
  service === 'runner' ? `${service}.${runners[0]!.id}` : service;

const categoriesOf = (service: ServiceName): Category[] =>
  (Object.keys(OWNER) as Category[]).filter((category) => OWNER[category] === service);

const kafkaSettings = (service: ServiceName, { namespace, kafka }: ServerSettings, logger: Logger): KafkaSettings => ({
  brokers: kafka.brokers,
  clientId: `${namespace}-${service}-${hostname()}`,
  prefix: `${namespace}.`,
  partitions: kafka.partitions,
  replication: kafka.replicationFactor,
  retentionMs: kafka.retentionDays * DAY_MS,
  ...(kafka.tls ? { ssl: kafka.tls } : {}),
  ...(kafka.sasl ? { sasl: kafka.sasl } : {}),
  log: (level, message, fields) => logger[level](fields, `Kafka: ${message}`),
});
