import {
  BACKWARDS,
  END,
  ErrorType,
  isCommandError,
  START,
  type AllStreamRecordedEvent,
  type EventStoreDBClient,
} from '@eventstore/db-client';
import type { RecordedEvent } from '@foldline/contracts';
import { DamagedLog, type ReadAll } from '@foldline/kernel';
import { subscribe } from './follow-log.ts';
import { Pull, type ClientStream } from './pull.ts';
import { decode, isSystemEvent, positionOf } from './stored-event.ts';

type Resolved = { event?: AllStreamRecordedEvent };

const PAGE = 1_000;
const BUFFER = { highWaterMark: 32 };
const FROM_LEADER = { requiresLeader: true } as const;

/** Reads from the leader, so that what was answered to an appender is there. A read ends after `silenceMs` without a word. */
export class LogReading {
  /** The highest position of an event of ours that was seen. */
  private seen = 0;

  constructor(
    private readonly client: EventStoreDBClient,
    private readonly silenceMs: number,
  ) {}

  async stream(stream: string, fromRevision: number, limit = Number.MAX_SAFE_INTEGER): Promise<RecordedEvent[]> {
    const from = Math.max(0, fromRevision);
    if (limit < 1 || stream === '' || stream.startsWith('$')) return [];
    const options = { ...FROM_LEADER, fromRevision: BigInt(from), maxCount: limit };
    let records: AllStreamRecordedEvent[];
    try {
      records = await this.all(this.client.readStream(stream, options, BUFFER), `read ${stream}`);
    } catch (error) {
      if (isNotFound(error)) return [];
      throw error;
    }
    return records.map((record, n) => {
      const { event } = decode(record);
      if (event.revision === from + n) return event;
      throw new DamagedLog(stream, event.position, 'the event before it is missing');
    });
  }

  async everything({ after, limit, categories }: ReadAll): Promise<RecordedEvent[]> {
    if (limit < 1 || categories?.length === 0) return [];
    const records = categories ? await this.some(after, limit, categories) : await this.unfiltered(after, limit);
    return records.map((record) => decode(record).event);
  }

  /** Looks backwards from the end, past what the server wrote there itself, down to what is known. */
  async lastPosition(): Promise<number> {
    let maxCount = 1;
    for (let fromPosition: Resume = END; ; maxCount = Math.min(PAGE, maxCount * 32)) {
      const reading = this.client.readAll({ ...FROM_LEADER, direction: BACKWARDS, fromPosition, maxCount }, BUFFER);
      const records = await this.all(reading, 'read the end of the log');
      const last = records.find((record) => !isSystemEvent(record));
      if (last) return this.see(positionOf(last));
      const oldest = records.at(-1);
      if (!oldest || records.length < maxCount || positionOf(oldest) <= this.seen) return this.seen;
      fromPosition = oldest.position;
    }
  }

  /** Page by page; the pages grow while they hold nothing but the server's own events. */
  private async unfiltered(after: number, limit: number): Promise<AllStreamRecordedEvent[]> {
    const found: AllStreamRecordedEvent[] = [];
    let from = { position: resumeAt(after), seen: after };
    for (let size = Math.min(PAGE, limit); ; size = Math.min(PAGE, size * 4)) {
      // A page begins with the last event of the one before it.
      const maxCount = size + 1;
      const reading = this.client.readAll({ ...FROM_LEADER, fromPosition: from.position, maxCount }, BUFFER);
      const records = await this.all(reading, 'read the log');
      for (const record of records) if (positionOf(record) > from.seen && !isSystemEvent(record)) found.push(record);
      const last = records.at(-1);
      if (!last || found.length >= limit || records.length < maxCount) return found.slice(0, limit);
      from = { position: last.position, seen: positionOf(last) };
    }
  }

  /** The server filters subscriptions and no reads: so a subscription is read until it has nothing stored left. */
  private async some(after: number, limit: number, categories: readonly string[]): Promise<AllStreamRecordedEvent[]> {
    const found: AllStreamRecordedEvent[] = [];
    const pull = subscribe(this.client, after, categories);
    try {
      while (found.length < limit) {
        const taken = await pull.takeStored(limit - found.length, this.silenceMs);
        for (const { event } of taken) if (event && !isSystemEvent(event)) found.push(event);
        if (taken.length === 0) break;
      }
      return found;
    } finally {
      await pull.leave();
    }
  }

  private async all(stream: ClientStream, doing: string): Promise<AllStreamRecordedEvent[]> {
    const records: AllStreamRecordedEvent[] = [];
    const pull = new Pull<Resolved>(stream, doing);
    try {
      for (;;) {
        const taken = await pull.takeStored(PAGE, this.silenceMs);
        for (const { event } of taken) if (event) records.push(event);
        if (taken.length === 0) return records;
      }
    } finally {
      await pull.leave();
    }
  }

  private see(position: number): number {
    this.seen = Math.max(this.seen, position);
    return this.seen;
  }
}

type Resume = typeof START | typeof END | { commit: bigint; prepare: bigint };

const resumeAt = (after: number): Resume => (after === 0 ? START : { commit: BigInt(after), prepare: BigInt(after) });

const isNotFound = (error: unknown): boolean => {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && isCommandError(cause) && cause.type === ErrorType.STREAM_NOT_FOUND;
};
