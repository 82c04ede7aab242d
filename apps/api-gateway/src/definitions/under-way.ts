import { Refusal, TransientError, type Clock } from '@foldline/kernel';

/** How much may be under way at once: in all, and of one key. `answerMs` is how long anybody waits for it. */
export type Room = { total: number; perKey: number; answerMs: number };

const RETRY_SECONDS = 2;

/**
 * Work of which only so much is under way. What takes longer than an answer may goes on and holds its place until it
 * ends; asked for again, it finds done what was begun.
 */
export class UnderWay {
  private readonly keys = new Map<string, number>();
  private total = 0;

  constructor(
    private readonly room: Room,
    private readonly clock: Clock,
  ) {}

  /** Refuses with `too_many_definitions` what finds no room. */
  async answer<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    this.enter(key);
    const working = work().finally(() => this.leave(key));
    // Whoever waited for it may have gone when it fails.
    working.catch(() => undefined);
    const answered = new AbortController();
    const tooLong = this.clock.sleep(this.room.answerMs, answered.signal).then((): never => {
      throw new TransientError('the repository takes long to answer; what was begun goes on: ask again');
    });
    tooLong.catch(() => undefined);
    try {
      return await Promise.race([working, tooLong]);
    } finally {
      answered.abort();
    }
  }

  private enter(key: string): void {
    const ofKey = this.keys.get(key) ?? 0;
    if (this.total >= this.room.total || ofKey >= this.room.perKey)
      throw new Refusal('too_many_definitions', 'many definitions are being compiled already', {
        retryAfterSeconds: RETRY_SECONDS,
      });
    this.total += 1;
    this.keys.set(key, ofKey + 1);
  }

  private leave(key: string): void {
    this.total -= 1;
    const left = this.keys.get(key)! - 1;
    if (left > 0) this.keys.set(key, left);
    else this.keys.delete(key);
  }
}
