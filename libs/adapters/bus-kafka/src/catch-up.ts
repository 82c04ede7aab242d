import { OWNER, type RecordedEvent } from '@foldline/contracts';
import type { EventStore } from '@foldline/kernel';
import { partitionOf } from './partition-of.ts';
import type { PartitionIntake } from './partition-intake.ts';
import { Room } from './room.ts';
import type { Topics } from './topics.ts';

export type CatchUpOptions = {
  store: EventStore;
  topics: Topics;
  /** Partitions of which the topic no longer holds everything. */
  behind: readonly PartitionIntake[];
  /** Everything up to here was handled before. */
  after: number;
  /** Everything behind this comes by the topic. */
  upTo: number;
  /** Repeats a read until the store can be asked. */
  reading: <Result>(read: () => Promise<Result>) => Promise<Result>;
  /** Whether the partitions have changed hands meanwhile: then nothing is left to do here. */
  isOver: () => boolean;
};

const PAGE = 500;
/** Events that were handed out and are not done, beyond which no more are read. */
const ROOM = 500;

/**
 * Hands out from the log what the topic has dropped before the group had it: the events of these partitions, in the
 * order of the log, also those that the topic still holds. Their messages are then dropped as repeated, and the order
 * of each key is kept without knowing which message held what.
 */
export const catchUp = async ({
  store,
  topics,
  behind,
  after,
  upTo,
  reading,
  isOver,
}: CatchUpOptions): Promise<void> => {
  const intakes = new Map(behind.map((intake) => [intake.partition, intake]));
  const room = new Room(ROOM);
  for (let from = after; from < upTo && !isOver();) {
    const page = await reading(() => store.readAll({ after: from, limit: PAGE }));
    if (isOver() || page.length === 0) break;
    for (const event of page) {
      if (event.position > upTo || !isPublished(event)) continue;
      intakes.get(partitionOf(event.correlationId, topics))?.handOut(event, room);
    }
    from = page.at(-1)!.position;
    await room.left();
  }
};

/** Other streams are nobody's to handle, such as those that say what is parked. */
const isPublished = ({ stream }: RecordedEvent): boolean => Object.hasOwn(OWNER, stream.slice(0, stream.indexOf('-')));
