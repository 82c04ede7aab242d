import type { RecordedEvent } from '@foldline/contracts';
import { Refusal, WrongExpectedRevision, contentHash, type EventStore, type EventToAppend } from '@foldline/kernel';
import { appendsIn, eventsOf } from './log-pages.ts';
import type { Progress } from './progress.ts';
import type { Target } from './target.ts';

/** How far an earlier run has come. */
export type Begun = { events: number; /** Of the last event in both, in the source. */ position: number };

/**
 * How many of the source's events the target begins with, in their order and to the byte. Refuses with
 * `target_not_empty` when it holds anything else.
 */
export const findBegun = async (source: EventStore, target: EventStore, progress: Progress): Promise<Begun> => {
  const theirs = eventsOf(target);
  const begun: Begun = { events: 0, position: 0 };
  let next = await theirs.next();
  for await (const ours of eventsOf(source)) {
    if (next.done) return begun;
    if (!isSame(ours, next.value)) throw foreign(next.value.stream);
    begun.events += 1;
    begun.position = ours.position;
    progress('events that are there already', begun.events);
    next = await theirs.next();
  }
  if (!next.done) throw foreign(next.value.stream);
  return begun;
};

/**
 * Copies what follows in the order of the log: same ids, revisions, causes, actors and times. One append after the
 * other, since projections fold the log in its order. Killed at any moment, it is begun again where it had come.
 */
export const copyEvents = async (
  source: EventStore,
  target: Pick<Target, 'recordedAt'> & { events: Pick<EventStore, 'append'> },
  begun: Begun,
  progress: (events: number) => void,
): Promise<number> => {
  let copied = begun.events;
  for await (const together of appendsIn(eventsOf(source, begun.position))) {
    const { stream, revision, recordedAt } = together[0]!;
    target.recordedAt(recordedAt);
    try {
      await target.events.append(stream, together.map(toAppend), revision - 1);
    } catch (error) {
      if (error instanceof WrongExpectedRevision) throw foreign(stream);
      throw error;
    }
    copied += together.length;
    progress(copied);
  }
  return copied;
};

const isSame = (one: RecordedEvent, other: RecordedEvent): boolean =>
  one.id === other.id && one.recordedAt === other.recordedAt && contentHash(one) === contentHash(other);

const toAppend = ({ id, type, version, data, causationId, correlationId, actor }: RecordedEvent): EventToAppend => ({
  id,
  type,
  version,
  data,
  causationId,
  correlationId,
  actor,
});

const foreign = (stream: string): Refusal =>
  new Refusal(
    'target_not_empty',
    `EventStoreDB holds events of the stream ${stream} that are not from this data directory: stop the services that use it, and begin with an empty one`,
    { stream },
  );
