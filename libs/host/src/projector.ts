import type { RecordedEvent } from '@foldline/contracts';
import {
  TransientError,
  type Clock,
  type EventStore,
  type Logger,
  type Projection,
  type ReadModels,
  type ReadStore,
} from '@foldline/kernel';
import { ProjectionWriter } from './projection-writer.ts';
import { Backlog } from './projector-backlog.ts';

const RETRY_MS = 200;
/** How often a read store is asked whether it still has its memory while there is nothing to write. */
const LOOK_MS = 2_000;
type Waiter = { position: number; resolve: () => void };

/** Name under which the read store keeps how far projections are that nobody has given a name. */
export const PROJECTION_NAME = 'read-models';

/**
 * Follows the log and keeps every read model current. Events that arrive together are written in one transaction, while
 * the next ones are read; somebody who waits for a position makes it write at once. Several may do so at once for one
 * read store: each batch is written by one of them, and a store that lost its memory is filled again from the log.
 */
export class Projector implements ReadModels {
  private applied = 0;
  private readonly writer: ProjectionWriter;
  private readonly waiters: Waiter[] = [];
  private readonly stopping = new AbortController();
  private following: Promise<void> = Promise.resolve();
  private backlog: Backlog | undefined;
  private failure: Error | undefined;

  constructor(
    private readonly store: EventStore,
    private readonly reads: ReadStore,
    projections: readonly Projection[],
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly name = PROJECTION_NAME,
  ) {
    this.writer = new ProjectionWriter(name, reads, projections);
  }

  async start(): Promise<void> {
    this.applied = await this.reads.position(this.name);
    this.following = this.follow().catch((error: unknown) => this.fail(error));
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.following;
  }

  position(): number {
    return this.applied;
  }

  async reached(position: number, timeoutMs: number): Promise<boolean> {
    if (this.failure) throw this.failure;
    if (position <= this.applied) return true;
    const late = new AbortController();
    const arrived = new Promise<void>((resolve) => this.waiters.push({ position, resolve }));
    this.backlog?.reconsider();
    await Promise.race([arrived, this.clock.sleep(timeoutMs, late.signal)]);
    late.abort();
    return position <= this.applied;
  }

  private async follow(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        if (!(await this.readAndWrite())) return;
        await this.resume(new TransientError('the read store is not where it was'));
      } catch (error) {
        if (!(error instanceof TransientError)) throw error;
        await this.resume(error);
      }
    }
  }

  /**
   * Reads the log and writes what came beside it. Throws what ended the writing, else what ended the reading, once what
   * came before is written. Answers whether the read store lost its memory; if not, the log is over.
   */
  private async readAndWrite(): Promise<boolean> {
    const ended = new AbortController();
    const signal = AbortSignal.any([this.stopping.signal, ended.signal]);
    const stored = await this.store.lastPosition();
    const backlog = new Backlog(this.clock, this.applied, stored, (position) => this.isAwaited(position));
    signal.addEventListener('abort', () => backlog.end(), { once: true });
    this.backlog = backlog;
    const [writing, reading, isLost] = await Promise.allSettled([
      this.writeFrom(backlog).finally(() => ended.abort()),
      this.store.follow(this.applied, (events) => backlog.put(events), signal).finally(() => backlog.end()),
      this.endWhenMemoryIsLost(ended),
    ]);
    for (const end of [writing, reading]) if (end.status === 'rejected') throw end.reason;
    return isLost.status === 'fulfilled' && isLost.value;
  }

  /** The next event would show it, too, but there may be none for a long time. Answers whether it was lost. */
  private async endWhenMemoryIsLost(following: AbortController): Promise<boolean> {
    const over = AbortSignal.any([this.stopping.signal, following.signal]);
    while (!over.aborted) {
      await this.clock.sleep(LOOK_MS, over);
      if (over.aborted) break;
      const before = this.applied;
      // A store that does not answer has something else to say when it does.
      const stored = await this.reads.position(this.name).catch(() => before);
      if (stored >= before) continue;
      following.abort();
      return true;
    }
    return false;
  }

  /** Finds out where the read store is, for as long as it takes, and goes on from there. */
  private async resume(error: TransientError): Promise<void> {
    this.logger.warn({ err: error }, 'the read models are behind: they follow the log again when it can be done');
    this.writer.forget();
    while (!this.stopping.signal.aborted) {
      await this.clock.sleep(RETRY_MS, this.stopping.signal);
      const stored = await this.reads.position(this.name).catch((again: unknown) => {
        if (!(again instanceof TransientError)) throw again;
        return undefined;
      });
      if (stored === undefined) continue;
      if (stored < this.applied)
        this.logger.warn(
          { from: this.applied, to: stored },
          'the read store lost its memory: it is filled from the log',
        );
      this.advance(stored);
      return;
    }
  }

  private async writeFrom(backlog: Backlog): Promise<void> {
    for (let events: RecordedEvent[]; (events = await backlog.take()).length > 0;) await this.write(events);
  }

  private async write(events: readonly RecordedEvent[]): Promise<void> {
    const { position } = events.at(-1)!;
    const stored = await this.writer.apply(events, this.applied);
    if (stored !== position) throw new TransientError(`the read store is at ${stored}, not at ${this.applied}`);
    this.advance(position);
  }

  private isAwaited(position: number): boolean {
    return this.waiters.some((waiter) => waiter.position <= position);
  }

  private advance(position: number): void {
    this.applied = position;
    for (const waiter of this.waiters.splice(0)) {
      if (waiter.position <= this.applied) waiter.resolve();
      else this.waiters.push(waiter);
    }
  }

  private fail(error: unknown): void {
    this.failure = error instanceof Error ? error : new Error(String(error));
    this.logger.error({ err: this.failure }, 'the read models stopped: they no longer follow the log');
    for (const waiter of this.waiters.splice(0)) waiter.resolve();
  }
}
