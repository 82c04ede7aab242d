import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { TransientError } from '@foldline/kernel';
import { failureOf } from './failures.ts';

/** A stream of the client; these are Node's, under a narrower type. */
export type ClientStream = {
  read(size?: number): unknown;
  cancel?: () => Promise<void>;
  unsubscribe?: () => Promise<void>;
};

/** What comes within this time after a batch belongs to a run of items, and is worth waiting for more of them. */
const RUN_MS = 5;
const GATHER_MS = 1;

/**
 * Takes what has come, batch by batch, from a stream of the client. Nothing is read while nobody asks, so a slow taker
 * slows the server down and fills no memory here.
 */
export class Pull<Item> {
  private wake: () => void = () => undefined;
  private failure: unknown;
  private over = false;
  private caughtUp = false;
  private takenAt = -Infinity;
  private readonly stream: Readable;

  constructor(
    private readonly source: ClientStream,
    private readonly doing: string,
  ) {
    const stream = source as unknown as Readable;
    this.stream = stream;
    const wake = (): void => this.wake();
    stream.on('readable', wake);
    stream.on('caughtUp', () => {
      this.caughtUp = true;
      wake();
    });
    // Stays for good: it may come also after the stream was left, and one that nobody listens to ends the process.
    stream.on('error', (error: unknown) => {
      this.failure ??= error;
      this.over = true;
      wake();
    });
    for (const end of ['end', 'close']) {
      stream.on(end, () => {
        this.over = true;
        wake();
      });
    }
  }

  /**
   * What has come, at most `limit`; waits until there is something, and in a run of items for a few more: one by one
   * they cost several times as much. Empty when the stream has ended or the signal has aborted. Throws what ended the
   * stream, when nothing that came before is left.
   */
  async take(limit: number, signal: AbortSignal): Promise<Item[]> {
    for (;;) {
      const items = this.drain(limit);
      if (items.length > 0 || this.isOver || signal.aborted) {
        this.takenAt = performance.now();
        return items;
      }
      await this.something(signal);
      if (performance.now() - this.takenAt < RUN_MS && !this.over) await pauseUnless(signal, GATHER_MS);
    }
  }

  /**
   * The same for what is stored already: empty as well when the server has said that nothing stored is left. Throws a
   * `TransientError` after this long without a word.
   */
  async takeStored(limit: number, silenceMs: number): Promise<Item[]> {
    const deadline = Date.now() + silenceMs;
    for (;;) {
      const items = this.drain(limit);
      if (items.length > 0 || this.caughtUp || this.isOver) return items;
      if (Date.now() >= deadline) throw new TransientError(`EventStoreDB did not ${this.doing} in time`);
      await this.something(undefined, deadline - Date.now());
    }
  }

  private get isOver(): boolean {
    if (this.failure !== undefined) throw failureOf(this.failure, this.doing);
    return this.over;
  }

  /** Ends the stream on the server, whatever its state. */
  async leave(): Promise<void> {
    if (this.over && this.failure === undefined) return;
    try {
      await (this.source.cancel ? this.source.cancel() : this.source.unsubscribe?.());
    } catch {
      // It had never begun.
    }
    this.stream.destroy();
  }

  private drain(limit: number): Item[] {
    const items: Item[] = [];
    while (items.length < limit) {
      const item = this.stream.read() as Item | null;
      if (item === null) break;
      items.push(item);
    }
    return items;
  }

  private something(signal?: AbortSignal, longestMs?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = longestMs === undefined ? undefined : setTimeout(() => this.wake(), longestMs);
      const go = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', go);
        this.wake = () => undefined;
        resolve();
      };
      this.wake = go;
      signal?.addEventListener('abort', go, { once: true });
      if (signal?.aborted) go();
    });
  }
}

/** Waits the pause, or until the signal aborts. */
export const pauseUnless = async (signal: AbortSignal, ms: number): Promise<void> => {
  try {
    await pause(ms, undefined, { signal });
  } catch {
    // Aborted: the caller looks at the signal.
  }
};
