import { NO_STREAM, WrongExpectedVersionError, type EventData, type EventStoreDBClient } from '@eventstore/db-client';
import type { RecordedEvent } from '@foldline/contracts';
import {
  AccessDenied,
  DamagedLog,
  PermanentError,
  TransientError,
  WrongExpectedRevision,
  type Appended,
  type EventStore,
  type EventToAppend,
  type ExpectedRevision,
  type FollowOptions,
  type ReadAll,
} from '@foldline/kernel';
import { connect } from './connection.ts';
import { failureOf } from './failures.ts';
import { LogFollower } from './follow-log.ts';
import { pauseUnless } from './pull.ts';
import { LogReading } from './read-log.ts';
import { encodeAppend } from './stored-event.ts';

export type EsdbEventStoreOptions = {
  /** `esdb://` or `esdb+discover://`, with `tls=false` where there is no TLS. */
  url: string;
  /** PEM of the authority that signed the server's certificate, where that is none of the well-known ones. */
  certificateAuthority?: string;
  /** How long one call, or the silence within a read, may last before it counts as failed. Default 10 s. */
  deadlineMs?: number;
  /** RFC 3339 in UTC. Time is the server's, unless this says when events were recorded: for moving a log here. */
  recordedAt?: () => string;
  /** Told whenever a follower lost its subscription and will make another; for the log of the process. */
  onOutage?: (error: unknown) => void;
};

const DEADLINE_MS = 10_000;
/** Calls whose outcome is unknown are repeated this often, with a growing pause. */
const RETRY = { tries: 4, pauseMs: 50 };
/** Appends under way at once. */
const MAXIMUM_PENDING = 10_000;

type Append = { stream: string; events: EventData[]; expected: ExpectedRevision };

/** The event store in EventStoreDB 23.10 or later. */
export class EsdbEventStore implements EventStore {
  private readonly client: EventStoreDBClient;
  private readonly reading: LogReading;
  private readonly closed = new AbortController();
  private readonly pending = new Set<Promise<unknown>>();
  private readonly deadline: number;
  private closing: Promise<void> | undefined;

  constructor(private readonly options: EsdbEventStoreOptions) {
    this.deadline = options.deadlineMs ?? DEADLINE_MS;
    this.client = connect(options.url, options.certificateAuthority);
    this.reading = new LogReading(this.client, this.deadline);
  }

  async append(stream: string, events: readonly EventToAppend[], expected: ExpectedRevision): Promise<Appended> {
    this.assertOpen();
    if (this.pending.size >= MAXIMUM_PENDING) {
      throw new TransientError(`${MAXIMUM_PENDING} appends are waiting for EventStoreDB already`);
    }
    const append = { stream, events: encodeAppend(stream, events, expected, this.options.recordedAt?.()), expected };
    return this.tracked(this.persistently((tries) => this.appendOnce(append, tries)));
  }

  readStream(stream: string, fromRevision = 0, limit?: number): Promise<RecordedEvent[]> {
    return this.read(() => this.reading.stream(stream, fromRevision, limit));
  }

  readAll(query: ReadAll): Promise<RecordedEvent[]> {
    return this.read(() => this.reading.everything(query));
  }

  lastPosition(): Promise<number> {
    return this.read(() => this.reading.lastPosition());
  }

  async follow(
    after: number,
    listener: (events: readonly RecordedEvent[]) => Promise<void> | void,
    signal: AbortSignal,
    options: FollowOptions = {},
  ): Promise<void> {
    this.assertOpen();
    const ended = AbortSignal.any([signal, this.closed.signal]);
    const onOutage = this.options.onOutage ?? (() => undefined);
    await new LogFollower(this.client, after, options, ended, onOutage).run(listener);
  }

  /** Answers every append made before and ends the followers. */
  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private async shutDown(): Promise<void> {
    await Promise.allSettled(this.pending);
    this.closed.abort();
    await this.client.dispose();
  }

  /**
   * The same ids at the same revision are answered by the server as the first time, so a try whose outcome was unknown is
   * simply made again. What is answered is read from the log: a repetition may have met events that someone else decided
   * from the same cause, with another time in them.
   */
  private async appendOnce({ stream, events, expected }: Append, tries: number): Promise<Appended> {
    try {
      await this.client.appendToStream(stream, events, {
        expectedRevision: expected === -1 ? NO_STREAM : BigInt(expected),
        requiresLeader: true,
        deadline: this.deadline,
      });
    } catch (error) {
      if (!(error instanceof WrongExpectedVersionError)) throw failureOf(error, `append to ${stream}`);
      const ours = tries > 0 ? await this.stored({ stream, events, expected }) : undefined;
      if (!ours) throw new WrongExpectedRevision(stream, expected, revisionOf(error.actualVersion));
      return ours;
    }
    const appended = await this.stored({ stream, events, expected });
    if (!appended) throw new DamagedLog(stream, 0, 'events were acknowledged and are not there');
    return appended;
  }

  /** The events of an append where it would have put them; undefined when others stand there. */
  private async stored({ stream, events, expected }: Append): Promise<Appended | undefined> {
    const found = await this.reading.stream(stream, expected + 1, events.length);
    const last = found.at(-1);
    if (!last || found.length !== events.length || found.some(({ id }, n) => id !== events[n]?.id)) return undefined;
    return { revision: last.revision, position: last.position, events: found };
  }

  private async read<Result>(read: () => Promise<Result>): Promise<Result> {
    this.assertOpen();
    return this.tracked(this.persistently(read));
  }

  private async persistently<Result>(attempt: (tries: number) => Promise<Result>): Promise<Result> {
    for (let tries = 0; ; tries += 1) {
      try {
        return await attempt(tries);
      } catch (error) {
        if (!(error instanceof TransientError) || error instanceof AccessDenied || tries + 1 >= RETRY.tries)
          throw error;
        await pauseUnless(this.closed.signal, RETRY.pauseMs * 2 ** tries * (0.5 + Math.random()));
      }
    }
  }

  private async tracked<Result>(work: Promise<Result>): Promise<Result> {
    this.pending.add(work);
    try {
      return await work;
    } finally {
      this.pending.delete(work);
    }
  }

  private assertOpen(): void {
    if (this.closing) throw new PermanentError('the event store is closed');
  }
}

/** Connects at the first call. Throws `PermanentError` for a connection string that cannot be used. */
export const openEsdbEventStore = (options: EsdbEventStoreOptions): EsdbEventStore => new EsdbEventStore(options);

const revisionOf = (actual: bigint | string): number => (typeof actual === 'bigint' ? Number(actual) : -1);
