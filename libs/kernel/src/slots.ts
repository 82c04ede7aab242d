/** `onWait` is told that it is not one's turn yet. An aborted signal ends the wait, and nothing of the work is begun. */
export type SlotWait = { signal?: AbortSignal; onWait?: () => void };

/** Lets a fixed number of pieces of work run at once; the others wait in the order in which they came. */
export class Slots {
  private readonly waiting: (() => void)[] = [];
  private used = 0;

  constructor(private readonly limit: number) {}

  async use<Result>(work: () => Promise<Result>, { signal, onWait }: SlotWait = {}): Promise<Result> {
    signal?.throwIfAborted();
    if (this.used >= this.limit) {
      onWait?.();
      await this.turn(signal);
    } else this.used += 1;
    try {
      return await work();
    } finally {
      // The slot goes straight to the next in line, so nobody can slip in between.
      const next = this.waiting.shift();
      if (next) next();
      else this.used -= 1;
    }
  }

  private turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        this.waiting.splice(this.waiting.indexOf(go), 1);
        reject(signal!.reason as Error);
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.waiting.push(go);
    });
  }
}
