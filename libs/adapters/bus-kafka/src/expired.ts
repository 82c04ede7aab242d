import type { Kafka } from 'kafkajs';
import { withAdmin } from './topics.ts';

/** Messages of a partition that a group was to be given and that the topic no longer holds. */
export type Expired = {
  partition: number;
  /** The first of them; 0 when the group has said nothing of the partition, or nothing that is still known. */
  from: number;
  /** The first message that the topic still holds, or the one that will be written next. */
  kept: number;
};

export type Standing = {
  expired: Expired[];
  /** Position up to which the group has handled the whole log, by what it said with its offsets; 0 when it is not known. */
  handledUpTo: number;
};

/** What a group was away for too long to be given, in any partition. */
export const standingOf = (kafka: Kafka, topic: string, groupId: string): Promise<Standing> =>
  withAdmin(kafka, async (admin) => {
    const kept = (await admin.fetchTopicOffsets(topic)).toSorted((a, b) => a.partition - b.partition);
    const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] });
    const known = new Map(offsets?.partitions.map((each) => [each.partition, each]));
    const expired = kept.flatMap(({ partition, low }) => {
      // Below 0 stands for nothing, or for "the oldest there is", which the client says when it has found too little.
      const from = Math.max(0, Number(known.get(partition)?.offset ?? 0));
      return from < Number(low) ? [{ partition, from, kept: Number(low) }] : [];
    });
    return { expired, handledUpTo: Math.max(0, ...[...known.values()].map(({ metadata }) => positionIn(metadata))) };
  });

/** What a group says with its offsets, and says again whenever more is handled. */
export const withPosition = (handledUpTo: number): string => `handled up to ${handledUpTo}`;

const positionIn = (metadata: string | null): number =>
  Number(/^handled up to (\d{1,16})$/.exec(metadata ?? '')?.[1] ?? 0);

/** For the log of whoever runs the service. */
export const expiryText = (groupId: string, expired: readonly Expired[], after: number): string => {
  const ranges = expired.map(({ partition, from, kept }) => `${from} to ${kept - 1} of partition ${partition}`);
  const shown = ranges.length > SHOWN ? [...ranges.slice(0, SHOWN), `${ranges.length - SHOWN} more`] : ranges;
  return (
    `the topic no longer holds what ${groupId} has not handled, messages ${shown.join(', ')}: ` +
    `it was away for longer than events are kept there, and reads them in the log behind position ${after}`
  );
};

const SHOWN = 5;
