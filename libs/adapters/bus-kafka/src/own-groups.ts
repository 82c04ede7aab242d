import type { Kafka } from 'kafkajs';
import { SERVICES } from '@foldline/contracts';
import { withAdmin } from './topics.ts';

/** Commits the end of every partition for a group that has committed nothing. */
export const beginAtEnd = (kafka: Kafka, topic: string, groupId: string): Promise<void> =>
  withAdmin(kafka, async (admin) => {
    const [known] = await admin.fetchOffsets({ groupId, topics: [topic] });
    // -1 stands for a partition of which nothing was committed; -2, the oldest there is, is said of one that has lost some.
    if (known?.partitions.some(({ offset }) => Number(offset) !== -1)) return;
    const ends = await admin.fetchTopicOffsets(topic);
    const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }));
    await admin.setOffsets({ groupId, topic, partitions });
  });

/** Names of the groups of single processes, `<service>.<process>`, that Kafka knows; gone some days after their last commit. */
export const groupsBegunNow = (kafka: Kafka, prefix: string): Promise<string[]> =>
  withAdmin(kafka, async (admin) => {
    const { groups } = await admin.listGroups();
    return groups
      .filter(({ groupId }) => groupId.startsWith(prefix))
      .map(({ groupId }) => groupId.slice(prefix.length))
      .filter((group) => SERVICES.some((service) => group.startsWith(`${service}.`)));
  });
