import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { until, type Cluster, type Sandbox } from '@foldline/client';

/** Members of a group that was left take some seconds to come together again, and longer on a busy machine. */
const HANDLED_MS = 120_000;

/** Hands every event of the past to every service once more, and resolves when all of them have been handled. */
export const redeliverEverything = (sandbox: Sandbox): Promise<void> =>
  sandbox.topology === 'standalone' ? again(sandbox) : againFromKafka(sandbox.cluster);

/** Without its checkpoints the embedded bus begins anew. */
const again = async (sandbox: Sandbox): Promise<void> => {
  const { dataDirectory } = sandbox.server;
  await sandbox.server.stop();
  rmSync(join(dataDirectory, 'bus'), { recursive: true });
  await sandbox.restart();
};

const againFromKafka = async (cluster: Cluster): Promise<void> => {
  await withAdmin(async (admin) => {
    const topic = `${cluster.namespace}.events.v1`;
    await cluster.stopServices();
    const groupIds = await groupsOf(admin, cluster);
    for (const groupId of groupIds) await admin.resetOffsets({ groupId, topic, earliest: true });
    await mustAllBeBehind(admin, { groupIds, topic });
    await cluster.startAll();
    await until(
      'every service to have handled everything again',
      async () => {
        const ends = await admin.fetchTopicOffsets(topic);
        const behind = await Promise.all(groupIds.map((groupId) => isBehind(admin, { groupId, topic, ends })));
        return !behind.includes(true);
      },
      HANDLED_MS,
    );
  });
};

/** A test of what is delivered again must not pass because nothing is. */
const mustAllBeBehind = async (
  admin: Admin,
  { groupIds, topic }: { groupIds: readonly string[]; topic: string },
): Promise<void> => {
  const ends = await admin.fetchTopicOffsets(topic);
  const behind = await Promise.all(groupIds.map((groupId) => isBehind(admin, { groupId, topic, ends })));
  if (groupIds.length === 0 || behind.includes(false)) throw new Error('some events would not be delivered again');
};

type Ends = Awaited<ReturnType<Admin['fetchTopicOffsets']>>;

const isBehind = async (
  admin: Admin,
  { groupId, topic, ends }: { groupId: string; topic: string; ends: Ends },
): Promise<boolean> => {
  const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] });
  const next = new Map(offsets?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
  return ends.some(({ partition, high }) => Number(high) > Math.max(0, next.get(partition) ?? 0));
};

const groupsOf = async (admin: Admin, cluster: Cluster): Promise<string[]> => {
  const { groups } = await admin.listGroups();
  const ids = groups.map(({ groupId }) => groupId).filter((id) => id.startsWith(`${cluster.namespace}.`));
  return ids.filter((id) => !id.includes('.reader.'));
};

const withAdmin = async (work: (admin: Admin) => Promise<void>): Promise<void> => {
  const brokers = process.env['FOLDLINE_TEST_KAFKA_BROKERS']!.split(',');
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.disconnect();
  }
};
