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

const PAUSE_MS = 5;
const RETRY_MS = 200;
/** How often a read store is asked whether it still has its memory while there is nothing to write. */
const LOOK_MS = 2_000;
const EVENTS_PER_WRITE = 2000;
type Waiter = { position: number; resolve: () => void };

/** Name under which the read store keeps how far projections are that nobody has given a name. */
export const PROJECTION_NAME = 'read-models';

/**
 * Follows the log and keeps every read model current. Events that arrive together are written in one transaction;
 * somebody who waits for a position makes it write at once. Several may do so at once for one read store: each batch is
 * written by one of them, and a store that lost its memory is filled again from the log.
 */
export class Projector implements ReadModels {
  private applied = 0;
  private readonly pending: RecordedEvent[] = [];
  private readonly writer: ProjectionWriter;
  private readonly waiters: Waiter[] = [];
  private readonly stopping = new AbortController();
  private following: Promise<void> = Promise.resolve();
  private wake: AbortController | undefined;
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
    this.wake?.abort();
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
    this.wake?.abort();
    await Promise.race([arrived, this.clock.sleep(timeoutMs, late.signal)]);
    late.abort();
    return position <= this.applied;
  }

  private async follow(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const ended = new AbortController();
      const looking = this.endWhenMemoryIsLost(ended);
      try {
        await this.store.follow(this.applied, (events) => this.take(events), AbortSignal.any([signal, ended.signal]));
        if (signal.aborted || !ended.signal.aborted) return;
        await this.resume(new TransientError('the read store is not where it was'));
      } catch (error) {
        if (!(error instanceof TransientError)) throw error;
        await this.resume(error);
      } finally {
        ended.abort();
        await looking;
      }
    }
  }

  /** The next event would show it, too, but there may be none for a long time. */
  private async endWhenMemoryIsLost(following: AbortController): Promise<void> {
    const over = AbortSignal.any([this.stopping.signal, following.signal]);
    while (!over.aborted) {
      await this.clock.sleep(LOOK_MS, over);
      if (over.aborted) return;
      const before = this.applied;
      // A store that does not answer has something else to say when it does.
      const stored = await this.reads.position(this.name).catch(() => before);
      if (stored < before) following.abort();
    }
  }

  /** Finds out where the read store is, for as long as it takes, and goes on from there. */
  private async resume(error: TransientError): Promise<void> {
    this.logger.warn({ err: error }, 'the read models are behind: they follow the log again when it can be done');
    this.pending.length = 0;
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

  private async take(events: readonly RecordedEvent[]): Promise<void> {
    this.pending.push(...events);
    if (this.waiters.length === 0 && events.length < EVENTS_PER_WRITE) {
      this.wake = new AbortController();
      await this.clock.sleep(PAUSE_MS, this.wake.signal);
      this.wake = undefined;
    }
    await this.write();
  }

  private async write(): Promise<void> {
    const events = this.pending.splice(0);
    const last = events.at(-1);
    if (!last) return;
    const stored = await this.writer.apply(events, this.applied);
    if (stored !== last.position) throw new TransientError(`the read store is at ${stored}, not at ${this.applied}`);
    this.advance(last.position);
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
