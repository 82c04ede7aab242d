import { TransientError, systemCode, type Clock } from '@foldline/kernel';

/** How long a job waits for a store that does not answer (docs/reliability.md, "When a server is down"). */
export const PATIENCE_MS = 30 * 60_000;
/** Between tries: the first pause and the longest; each is twice as long as the one before. */
const PAUSE_MS = { first: 250, longest: 30_000 };
const MINUTE_MS = 60_000;

/** Trouble with the disk of this host. Nobody else mends it while the job waits, and the job may be what fills it. */
const OF_THIS_HOST = new Set(['EDQUOT', 'EIO', 'ENOSPC', 'EROFS']);

/** A store has not answered for as long as anybody waits for it. */
export class StorageUnavailable extends TransientError {
  override readonly name = 'StorageUnavailable';
}

export type Waiting = {
  clock: Clock;
  /** Ends all waiting: the job has no use for the answer any more. */
  signal: AbortSignal;
  /** Told when the first call has to wait, and why … */
  begins: (store: string, error: TransientError) => void;
  /** … and when the last one need not any more: for how long, in milliseconds, and whether the job can go on. */
  ends: (store: string, waitedMs: number, answered: boolean) => void;
};

/** Calls to stores that are repeated while these do not answer. Calls that wait at the same time are one wait. */
export class Patience {
  private calls = 0;
  private since = 0;
  /** What one call has waited for in vain long enough, no other waits for any longer. */
  private readonly exhausted = new AbortController();
  private readonly over: AbortSignal;

  constructor(private readonly waiting: Waiting) {
    this.over = AbortSignal.any([waiting.signal, this.exhausted.signal]);
  }

  /** The work may be done any number of times. Throws `StorageUnavailable` after 30 minutes, at once when it is over. */
  async call<Value>(store: string, work: () => Promise<Value>): Promise<Value> {
    try {
      return await work();
    } catch (error) {
      if (!mayPass(error) || this.waiting.signal.aborted) throw error;
      return await this.wait(store, work, error);
    }
  }

  private async wait<Value>(store: string, work: () => Promise<Value>, error: TransientError): Promise<Value> {
    const { clock } = this.waiting;
    if (this.calls === 0) {
      this.since = clock.monotonic();
      this.waiting.begins(store, error);
    }
    this.calls += 1;
    let answered = false;
    try {
      const value = await this.repeat(store, work, error);
      answered = true;
      return value;
    } finally {
      this.calls -= 1;
      if (this.calls === 0) this.waiting.ends(store, clock.monotonic() - this.since, answered);
    }
  }

  private async repeat<Value>(store: string, work: () => Promise<Value>, error: TransientError): Promise<Value> {
    const { clock } = this.waiting;
    const deadline = clock.monotonic() + PATIENCE_MS;
    let last = error;
    for (let pause = PAUSE_MS.first; ; pause = Math.min(2 * pause, PAUSE_MS.longest)) {
      const left = deadline - clock.monotonic();
      if (left <= 0) this.exhausted.abort();
      if (this.over.aborted) throw unavailable(store, last);
      // Half of it by chance, so that those who failed together do not come back together.
      await clock.sleep(Math.min(left, pause * (0.5 + Math.random() / 2)), this.over);
      if (this.over.aborted) throw unavailable(store, last);
      try {
        return await work();
      } catch (again) {
        if (!mayPass(again)) throw again;
        last = again;
      }
    }
  }
}

const mayPass = (error: unknown): error is TransientError =>
  error instanceof TransientError && !OF_THIS_HOST.has(systemCode(error.cause) ?? '');

const unavailable = (store: string, cause: TransientError): StorageUnavailable =>
  new StorageUnavailable(
    `${store} did not answer for ${PATIENCE_MS / MINUTE_MS} minutes; the last error: ${cause.message}`,
    { cause },
  );
