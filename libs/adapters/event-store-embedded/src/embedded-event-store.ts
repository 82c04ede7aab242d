import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { RecordedEvent } from '@foldline/contracts';
import {
  DamagedLog,
  PermanentError,
  WrongExpectedRevision,
  type Appended,
  type EventStore,
  type EventToAppend,
  type ExpectedRevision,
  type FollowOptions,
  type ReadAll,
} from '@foldline/kernel';
import { encodeAppend } from './append-request.ts';
import { lockDirectory } from './directory-lock.ts';
import { LiveFeed } from './live-feed.ts';
import { LogReader } from './log-reader.ts';
import { verifyLog, type Verified } from './verify-log.ts';
import { WriterClient } from './writer-client.ts';

export type EmbeddedEventStoreOptions = {
  /** Made when it does not exist. Only one process may have it open. On a local disk: SQLite's locks need one. */
  directory: string;
  /** RFC 3339 in UTC. */
  now: () => string;
  /** The log refuses to grow past this, as if the disk were full. Unlimited when absent. */
  maximumBytes?: number;
};

/** The event store in one SQLite file, for one process. */
export class EmbeddedEventStore implements EventStore {
  private nextKey = 0;
  private categoriesIndexed: Promise<void> | undefined;
  private closing: Promise<void> | undefined;

  private constructor(
    /** Names the log itself: a copy has the same, another log never. */
    readonly storeId: string,
    /** Grows when a log is restored from a backup, so that what was promised before can be told apart. */
    readonly epoch: number,
    private readonly now: () => string,
    private readonly writer: WriterClient,
    private readonly reader: LogReader,
    private readonly feed: LiveFeed,
    private readonly lock: { release: () => void },
  ) {}

  static async open({ directory, now, maximumBytes }: EmbeddedEventStoreOptions): Promise<EmbeddedEventStore> {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const lock = lockDirectory(directory);
    const path = join(directory, 'events.db');
    const feed = new LiveFeed((after, limit, size, wanted) => reader.page(after, limit, size, wanted));
    const writer = new WriterClient({ path, now: now(), maximumBytes }, (events, size) => feed.publish(events, size));
    let reader: LogReader;
    try {
      const { storeId, epoch } = await writer.opened;
      syncDirectory(directory);
      reader = new LogReader(path);
      return new EmbeddedEventStore(storeId, epoch, now, writer, reader, feed, lock);
    } catch (error) {
      await writer.close();
      lock.release();
      throw error;
    }
  }

  async append(stream: string, events: readonly EventToAppend[], expected: ExpectedRevision): Promise<Appended> {
    this.assertOpen();
    const request = encodeAppend(this.nextKey++, stream, events, expected, this.now());
    const { reply, events: stored } = await this.writer.append(request);
    switch (reply.outcome) {
      case 'stored':
        return { revision: reply.revision, position: reply.position, events: stored };
      case 'repeated': {
        const first = this.reader.stream(stream, expected + 1, events.length);
        return { revision: reply.revision, position: reply.position, events: first };
      }
      case 'wrong-revision':
        throw new WrongExpectedRevision(stream, expected, reply.actual);
      case 'damaged':
        throw new DamagedLog(stream, reply.position, reply.detail);
      case 'id-taken':
        throw new PermanentError(
          `event ${reply.id} is already stored in ${reply.stream} at revision ${reply.revision}`,
        );
    }
  }

  async readStream(stream: string, fromRevision = 0, limit?: number): Promise<RecordedEvent[]> {
    this.assertOpen();
    return this.reader.stream(stream, fromRevision, limit);
  }

  async readAll(query: ReadAll): Promise<RecordedEvent[]> {
    this.assertOpen();
    if (query.categories) await this.indexCategories();
    return this.reader.all(query);
  }

  async follow(
    after: number,
    listener: (events: readonly RecordedEvent[]) => Promise<void> | void,
    signal: AbortSignal,
    options: FollowOptions = {},
  ): Promise<void> {
    this.assertOpen();
    await this.feed.follow(after, listener, signal, options.categories);
  }

  async lastPosition(): Promise<number> {
    this.assertOpen();
    return this.reader.lastPosition();
  }

  /** Walks the whole log and checks every record and link; throws `DamagedLog` at the first that is not as written. */
  async verify(): Promise<Verified> {
    this.assertOpen();
    return verifyLog(this.reader);
  }

  /** Answers every append made before, ends the followers and gives the directory free. */
  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private async shutDown(): Promise<void> {
    this.feed.close();
    await this.writer.close();
    this.reader.close();
    this.lock.release();
  }

  private indexCategories(): Promise<void> {
    this.categoriesIndexed ??= this.writer.indexCategories();
    return this.categoriesIndexed;
  }

  private assertOpen(): void {
    if (this.closing) throw new PermanentError('the event log is closed');
  }
}

export const openEmbeddedEventStore = (options: EmbeddedEventStoreOptions): Promise<EmbeddedEventStore> =>
  EmbeddedEventStore.open(options);

// A new file survives a power cut only when its directory's entry does.
const syncDirectory = (directory: string): void => {
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
};
