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

/** Counts what has happened to one event. Transient failures lengthen the pause and use up no attempt. */
export class Tries {
  failures = 0;
  private pauses = 0;

  constructor(private readonly retry: Retry) {}

  /** How long to wait before the next try, in milliseconds; `undefined` when there is to be none. */
  pauseAfter(error: unknown): number | undefined {
    if (!(error instanceof TransientError)) this.failures += 1;
    if (this.failures >= this.retry.attempts) return undefined;
    const pause = Math.min(this.retry.baseMs * 2 ** this.pauses, this.retry.longestMs ?? LONGEST_PAUSE_MS);
    this.pauses += 1;
    // Half of it by chance, so that those who failed together do not come back together.
    return pause * (0.5 + Math.random() / 2);
  }
}

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
