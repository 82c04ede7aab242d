import type { Admin, ITopicConfig, Kafka, ResourceConfigQuery } from 'kafkajs';
import { AccessDenied, PermanentError } from '@foldline/kernel';
import type { KafkaSettings } from './kafka-connection.ts';
import { brokenKafka, endClient } from './kafka-failure.ts';

export type Topics = { events: string; checkpoints: string; partitions: number };

const PARTITIONS = 64;
const DAY_MS = 24 * 60 * 60 * 1000;
const RETENTION_MS = 30 * DAY_MS;
const MAXIMUM_MESSAGE_BYTES = 2 * 1024 * 1024;
/** Small, so that old checkpoints are soon compacted away and a relay reads little when it starts. */
const CHECKPOINT_SEGMENT_BYTES = 4 * 1024 * 1024;

export const prefixOf = ({ prefix = 'foldline.' }: KafkaSettings): string => prefix;

export const topicsOf = (settings: KafkaSettings): Topics => ({
  events: `${prefixOf(settings)}events.v1`,
  checkpoints: `${prefixOf(settings)}checkpoints.v1`,
  partitions: settings.partitions ?? PARTITIONS,
});

/**
 * Makes the topics that do not exist, as they must be. Throws `PermanentError` when the topic of events has another
 * number of partitions than was asked for, `TransientError` when Kafka cannot be asked.
 */
export const ensureTopics = async (kafka: Kafka, settings: KafkaSettings): Promise<Topics> => {
  const topics = topicsOf(settings);
  await withAdmin(kafka, async (admin) => {
    const existing = await admin.listTopics();
    const missing = wantedTopics(settings, topics).filter(({ topic }) => !existing.includes(topic));
    if (missing.length > 0) await create(admin, missing);
    await assertPartitions(admin, topics);
  });
  return topics;
};

/**
 * In words, where the topic of events keeps them for another time than was asked for; what Kafka does not tell us is no
 * problem. It is never changed here: processes with different settings would change it back and forth, and what the
 * brokers' operator has set is theirs.
 */
export const retentionProblem = async (
  kafka: Kafka,
  topic: string,
  { retentionMs: asked = RETENTION_MS }: KafkaSettings,
): Promise<string | undefined> => {
  const kept = await retentionOf(kafka, topic);
  if (kept === undefined || kept === asked) return undefined;
  return (
    `the topic ${topic} keeps events for ${inDays(kept)}, not for ${inDays(asked)}; to change it: ` +
    `kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config retention.ms=${asked}`
  );
};

/** Undefined when this client may not know. */
const retentionOf = async (kafka: Kafka, topic: string): Promise<number | undefined> => {
  try {
    return await withAdmin(kafka, async (admin) => {
      const query: ResourceConfigQuery = { type: OF_TOPIC, name: topic, configNames: ['retention.ms'] };
      const { resources } = await admin.describeConfigs({ resources: [query], includeSynonyms: false });
      const value = Number(
        resources[0]?.configEntries.find(({ configName }) => configName === 'retention.ms')?.configValue,
      );
      return Number.isFinite(value) ? value : undefined;
    });
  } catch (error) {
    if (error instanceof AccessDenied) return undefined;
    throw error;
  }
};

/** The protocol's number for it: the client's own name of it cannot be imported by name from a module. */
const OF_TOPIC = 2;

const inDays = (ms: number): string => (ms < 0 ? 'ever' : `${ms / DAY_MS} days`);

/** Runs the work with a connected admin client; what Kafka fails with becomes `TransientError`. */
export const withAdmin = async <Result>(kafka: Kafka, work: (admin: Admin) => Promise<Result>): Promise<Result> => {
  const admin = kafka.admin();
  try {
    await admin.connect();
    return await work(admin);
  } catch (error) {
    throw brokenKafka(error);
  } finally {
    await endClient(() => admin.disconnect());
  }
};

/** Two processes may create at the same time: the topic of the other is as good as ours. */
const create = async (admin: Admin, topics: ITopicConfig[]): Promise<void> => {
  try {
    await admin.createTopics({ topics, waitForLeaders: true });
  } catch (error) {
    const existing = await admin.listTopics();
    if (topics.some(({ topic }) => !existing.includes(topic))) throw error;
  }
};

const assertPartitions = async (admin: Admin, { events, partitions }: Topics): Promise<void> => {
  const metadata = await admin.fetchTopicMetadata({ topics: [events] });
  const actual = metadata.topics[0]?.partitions.length;
  if (actual !== partitions)
    throw new PermanentError(
      `the topic ${events} has ${actual} partitions, not ${partitions}: their number is fixed for its life`,
    );
};

const wantedTopics = (settings: KafkaSettings, topics: Topics): ITopicConfig[] => {
  const { replication = 1, retentionMs = RETENTION_MS } = settings;
  const common = { replicationFactor: replication };
  const safety = { name: 'min.insync.replicas', value: replication >= 3 ? '2' : '1' };
  return [
    {
      ...common,
      topic: topics.events,
      numPartitions: topics.partitions,
      configEntries: [
        safety,
        { name: 'cleanup.policy', value: 'delete' },
        { name: 'retention.ms', value: String(retentionMs) },
        { name: 'max.message.bytes', value: String(MAXIMUM_MESSAGE_BYTES) },
      ],
    },
    {
      ...common,
      topic: topics.checkpoints,
      numPartitions: 1,
      configEntries: [
        safety,
        { name: 'cleanup.policy', value: 'compact' },
        { name: 'segment.bytes', value: String(CHECKPOINT_SEGMENT_BYTES) },
        { name: 'min.cleanable.dirty.ratio', value: '0.1' },
      ],
    },
  ];
};
