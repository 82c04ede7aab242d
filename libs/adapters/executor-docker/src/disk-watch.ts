import { setTimeout as delay } from 'node:timers/promises';

/** How often it is looked, unless looking takes so long that it would be no small part of the time. */
const POLL_MS = 1_000;
const SHARE = 10;

/**
 * Looks again and again how much of the disk is used, and tells when it is more than allowed. No file system that Docker
 * has everywhere bounds what one container writes; so a job may have somewhat more for a moment, and not for long.
 */
export class DiskWatch {
  #isOver = false;
  readonly #stopping = new AbortController();

  constructor(
    private readonly used: () => Promise<number>,
    private readonly allowedBytes: number,
    private readonly onOver: () => void,
  ) {
    void this.#look();
  }

  /** Whether more was used than allowed. */
  get isOver(): boolean {
    return this.#isOver;
  }

  stop(): void {
    this.#stopping.abort();
  }

  async #look(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const began = performance.now();
      // What cannot be looked at now is looked at the next time.
      const used = await this.used().catch(() => 0);
      if (signal.aborted) return;
      if (used > this.allowedBytes) {
        this.#isOver = true;
        return this.onOver();
      }
      const tookMs = performance.now() - began;
      await delay(Math.max(POLL_MS, SHARE * tookMs), undefined, { signal }).catch(() => undefined);
    }
  }
}
