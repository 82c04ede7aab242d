import { once } from 'node:events';
import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Readable } from 'node:stream';

const IDLE_STEP_MS = 50;
/** More than the pipe and this process can have held when everybody who wrote was killed. */
const MAX_TAIL_BYTES = 1024 * 1024;

export type OnOutput = (chunk: Buffer) => Promise<void> | void;

/**
 * Hands output over piece by piece; while a piece is being taken nothing is read, so the pipe fills and the job waits.
 * A receiver that fails stops the reading.
 */
export class OutputReader {
  /** The error of the receiver, or of reading. */
  failure: { error: unknown } | undefined;
  private readonly ended: Promise<unknown>;
  private hasEnded = false;
  private busy = false;
  private bytes = 0;

  constructor(
    private readonly source: Readable,
    private readonly onOutput: OnOutput,
    private readonly onFailure: () => void,
  ) {
    this.ended = once(source, 'close').then(() => {
      this.hasEnded = true;
    });
    source.on('error', (error) => this.fail(error));
    source.on('data', (chunk: Buffer) => this.take(chunk));
  }

  /**
   * Reads what is left until nobody can write any more. `onHeld` is called while somebody still can; the wait ends
   * when nothing came for `idleMs`. Time that the receiver takes does not count.
   */
  async finish(idleMs: number, onHeld: () => void): Promise<void> {
    const before = this.bytes;
    let idle = 0;
    while (!this.hasEnded && idle < idleMs && this.bytes - before < MAX_TAIL_BYTES) {
      const seen = this.bytes;
      await this.endedWithin(IDLE_STEP_MS);
      if (this.hasEnded) return;
      if (this.busy || this.bytes > seen) idle = 0;
      else {
        idle += IDLE_STEP_MS;
        onHeld();
      }
    }
    this.source.destroy();
    await this.ended;
  }

  private fail(error: unknown): void {
    this.failure ??= { error };
    this.onFailure();
  }

  private async endedWithin(ms: number): Promise<void> {
    const waiting = new AbortController();
    const timeout = delay(ms, undefined, { signal: waiting.signal }).catch(() => undefined);
    await Promise.race([this.ended, timeout]);
    waiting.abort();
  }

  private take(chunk: Buffer): void {
    this.bytes += chunk.length;
    this.source.pause();
    this.busy = true;
    void this.hand(chunk);
  }

  private async hand(chunk: Buffer): Promise<void> {
    try {
      await this.onOutput(chunk);
      this.busy = false;
      this.source.resume();
    } catch (error) {
      this.busy = false;
      this.fail(error);
      this.source.destroy();
    }
  }
}

export const readableOf = (fd: number): Readable => new Socket({ fd, readable: true, writable: false });
