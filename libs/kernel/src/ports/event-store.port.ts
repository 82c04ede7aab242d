import type { Actor, NewEvent, RecordedEvent } from '@foldline/contracts';

/** The revision a stream must have for an append to be accepted; -1 means that it must not exist yet. */
export type ExpectedRevision = number;
export const NO_STREAM: ExpectedRevision = -1;

export type EventToAppend = NewEvent & {
  id: string;
  causationId: string;
  correlationId: string;
  actor: Actor;
};

export type Appended = { revision: number; position: number; events: RecordedEvent[] };

export type ReadAll = {
  /** Exclusive: the first event returned lies after this position. 0 reads from the beginning. */
  after: number;
  limit: number;
  /** Only these stream categories; all when absent. */
  categories?: readonly string[];
};

export type FollowOptions = {
  /** Only these stream categories; all when absent, nothing when empty. */
  categories?: readonly string[];
};

/**
 * The log of everything that happened: streams of events, appended under compare-and-set.
 *
 * Contract, held by every adapter (`libs/testing/src/contracts/event-store.contract.ts`):
 * - `append` answers only after the events are durable, or throws `WrongExpectedRevision` and stores nothing.
 *   All events of one call become visible together. Repeating a call with the same ids and the same expected
 *   revision answers as the first did and stores nothing (the outcome of a timed-out call can be asked by repeating it).
 * - Positions grow in the order in which events become visible: a reader that has seen position p never later
 *   finds a new event at or below p.
 * - `follow` delivers every event after the given position, in order, first the stored ones, then live ones; the
 *   listener is awaited, so a slow one is fed slowly and never loses anything. Of categories that were not asked for it
 *   delivers nothing, and never an empty batch. It ends when the signal aborts or the store is closed.
 * - A stored event that is not what was written makes reads throw `DamagedLog`.
 * - Any method may throw `TransientError`; the outcome of an `append` is then unknown.
 */
export interface EventStore {
  append(stream: string, events: readonly EventToAppend[], expected: ExpectedRevision): Promise<Appended>;
  /** Events of one stream from a revision on; empty when there is no such stream. */
  readStream(stream: string, fromRevision?: number, limit?: number): Promise<RecordedEvent[]>;
  readAll(query: ReadAll): Promise<RecordedEvent[]>;
  follow(
    after: number,
    listener: (events: readonly RecordedEvent[]) => Promise<void> | void,
    signal: AbortSignal,
    options?: FollowOptions,
  ): Promise<void>;
  /** Position of the last stored event; 0 when the log is empty. */
  lastPosition(): Promise<number>;
  close(): Promise<void>;
}
