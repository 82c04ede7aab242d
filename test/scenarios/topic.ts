import { Kafka, logLevel, type Admin } from 'kafkajs';
import { until, type Cluster } from '@foldline/client';

/** Members of a group that was left take some seconds to come together again, and longer on a busy machine. */
const HANDLED_MS = 120_000;
const POLL_MS = 500;

export const openKafka = (): Kafka =>
  new Kafka({
    brokers: process.env['FOLDLINE_TEST_KAFKA_BROKERS']!.split(','),
    clientId: 'scenarios',
    logLevel: logLevel.NOTHING,
  });

/** The topic of a cluster's events. */
export const topicOf = ({ namespace }: Cluster): string => `${namespace}.events.v1`;

/** Resolves when every service has handled what is in the topic now. */
export const caughtUp = (cluster: Cluster): Promise<void> =>
  withAdmin(async (admin) => {
    const groupIds = await groupsOf(admin, cluster);
    await until(
      'every service to have handled everything',
      async () => !(await behind(admin, cluster, groupIds)).includes(true),
      HANDLED_MS,
      POLL_MS,
    );
  });

/** Makes every group of the cluster, whose services do not run, begin anew. */
export const rewind = (cluster: Cluster): Promise<void> =>
  withAdmin(async (admin) => {
    const groupIds = await groupsOf(admin, cluster);
    await Promise.all(
      groupIds.map((groupId) => admin.resetOffsets({ groupId, topic: topicOf(cluster), earliest: true })),
    );
    // A test of what is delivered again must not pass because nothing is.
    if (groupIds.length === 0 || (await behind(admin, cluster, groupIds)).includes(false))
      throw new Error('some events would not be delivered again');
  });

/** Whether each group has something to handle. */
const behind = async (admin: Admin, cluster: Cluster, groupIds: readonly string[]): Promise<boolean[]> => {
  const topic = topicOf(cluster);
  const ends = await admin.fetchTopicOffsets(topic);
  return Promise.all(
    groupIds.map(async (groupId) => {
      const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] });
      const next = new Map(offsets?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
      return ends.some(({ partition, high }) => Number(high) > Math.max(0, next.get(partition) ?? 0));
    }),
  );
};

/** Those that handle events; the relays' readers are groups as well. */
const groupsOf = async (admin: Admin, { namespace }: Cluster): Promise<string[]> => {
  const { groups } = await admin.listGroups();
  const ids = groups.map(({ groupId }) => groupId).filter((id) => id.startsWith(`${namespace}.`));
  return ids.filter((id) => !id.includes('.reader.'));
};

const withAdmin = async (work: (admin: Admin) => Promise<void>): Promise<void> => {
  const admin = openKafka().admin();
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.disconnect();
  }
};
