import type { Kafka } from 'kafkajs';
import type { EventStore } from '@foldline/kernel';
import type { RelayCheckpoint } from './checkpoint-topic.ts';
import { withAdmin, type Topics } from './topics.ts';

export type PartitionLag = {
  partition: number;
  /** The next message the group is to be given; 0 when it has never committed. */
  committed: number;
  /** The next message that will be written. */
  end: number;
  lag: number;
};

export type RelayLag = {
  name: string;
  /** Every event of the relay's categories up to here is in the topic. */
  position: number;
  savedAt: string;
  /** Position of the last event in the log, of any category. */
  storePosition: number;
  /** The first event that is not in the topic as far as is known; absent when there is none. */
  oldest?: { position: number; recordedAt: string };
};

export type BusLag = { groups: { group: string; partitions: PartitionLag[]; lag: number }[]; relays: RelayLag[] };

/** How far each group is behind the topic. */
export const groupLags = (
  kafka: Kafka,
  { events }: Topics,
  groups: readonly { group: string; groupId: string }[],
): Promise<BusLag['groups']> =>
  withAdmin(kafka, async (admin) => {
    const ends = await admin.fetchTopicOffsets(events);
    return Promise.all(
      groups.map(async ({ group, groupId }) => {
        const [offsets] = await admin.fetchOffsets({ groupId, topics: [events] });
        const committed = new Map(offsets?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
        const partitions = ends
          .map(({ partition, high }) => {
            // What the topic has dropped before the group had it counts as well: it is read from the log.
            const [end, next] = [Number(high), Math.max(0, committed.get(partition) ?? 0)];
            return { partition, committed: next, end, lag: Math.max(0, end - next) };
          })
          .toSorted((a, b) => a.partition - b.partition);
        return { group, partitions, lag: partitions.reduce((sum, { lag }) => sum + lag, 0) };
      }),
    );
  });

/** How far each relay is behind the log. */
export const relayLags = async (store: EventStore, checkpoints: Iterable<RelayCheckpoint>): Promise<RelayLag[]> => {
  const storePosition = await store.lastPosition();
  const lags: RelayLag[] = [];
  for (const { name, position, savedAt, categories } of checkpoints) {
    const [first] = position < storePosition ? await store.readAll({ after: position, limit: 1, categories }) : [];
    const lag = { name, position, savedAt, storePosition };
    lags.push(first ? { ...lag, oldest: { position: first.position, recordedAt: first.recordedAt } } : lag);
  }
  return lags;
};
