import { TransientError } from '@foldline/kernel';

export type Retry = {
  /** How often an event is handed to a handler that fails with anything but `TransientError`. */
  attempts: number;
  /** The first pause; each further one is twice as long, up to the longest. */
  baseMs: number;
  /** 30 s when absent. */
  longestMs?: number;
};

export const DEFAULT_RETRY: Retry = { attempts: 5, baseMs: 50 };
/** For servers that were lost: as soon as one is back there is work to catch up with. */
export const RECONNECT: Retry = { ...DEFAULT_RETRY, longestMs: 3_000 };
const LONGEST_PAUSE_MS = 30_000;

/** A try that failed. */
export type Failure = {
  error: unknown;
  /** How many tries there were. */
  tries: number;
  /** How many of them count: those that failed with anything but `TransientError`. */
  attempts: number;
  /** Milliseconds until the next; absent when there is to be none. */
  retryMs?: number;
};

/** Counts what has happened to one event. Transient failures lengthen the pause and use up no attempt. */
export class Tries {
  private tries = 0;
  private attempts = 0;

  constructor(private readonly retry: Retry) {}

  /** Milliseconds to wait before the next try; `undefined` when there is to be none. */
  pauseAfter(error: unknown): number | undefined {
    return this.after(error).retryMs;
  }

  after(error: unknown): Failure {
    const { baseMs, longestMs = LONGEST_PAUSE_MS } = this.retry;
    if (!(error instanceof TransientError)) this.attempts += 1;
    const pause = Math.min(baseMs * 2 ** this.tries, longestMs);
    this.tries += 1;
    const { tries, attempts } = this;
    if (attempts >= this.retry.attempts) return { error, tries, attempts };
    // Half of it by chance, so that those who failed together do not come back together.
    return { error, tries, attempts, retryMs: pause * (0.5 + Math.random() / 2) };
  }
}

/** What came of work that is tried as an event is: `undefined` when it was done, or how it failed for good. */
export type Persisted = Failure | 'closing' | undefined;

/** Does the work with the patience that an event is handled with; `failed` is told of each try that another follows. */
export const persistently = async (
  work: () => Promise<void>,
  { retry, pause, closing }: Outage,
  failed: (failure: Failure) => void,
): Promise<Persisted> => {
  for (const tries = new Tries(retry); !closing.aborted;) {
    try {
      await work();
      return undefined;
    } catch (error) {
      const failure = tries.after(error);
      if (failure.retryMs === undefined) return failure;
      failed(failure);
      await pause(failure.retryMs);
    }
  }
  return 'closing';
};

/**
 * Repeats the work while it fails with `TransientError` and the signal has not aborted. The pauses grow while nothing
 * is gained: `progress` is any value that changes when something was.
 */
export const throughOutages = async (
  work: () => Promise<void>,
  { retry, pause, closing, progress = () => 0 }: Outage,
): Promise<void> => {
  for (let tries = new Tries(retry); !closing.aborted;) {
    const before = progress();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      if (progress() !== before) tries = new Tries(retry);
      await pause(tries.pauseAfter(error)!);
    }
  }
};

export type Outage = {
  retry: Retry;
  /** Ends early when the signal aborts. */
  pause: (ms: number) => Promise<void>;
  closing: AbortSignal;
  progress?: () => number;
};
