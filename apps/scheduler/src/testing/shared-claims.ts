import type { Claims, Clock } from '@foldline/kernel';

type Holder = { by: object; until: number };

/** A keeper of claims for several schedulers of one test, whose time the test moves. */
export class SharedClaims {
  private readonly held = new Map<string, Holder>();

  constructor(private readonly clock: Clock) {}

  /** The claims of one process, whose own time may stand still. */
  ofProcess(clock: Clock = this.clock): Claims & { die: () => void } {
    const process = { dead: false };
    return {
      /** The process is gone from one moment to the next, and gives nothing back. */
      die: () => void (process.dead = true),
      contend: async ({ name, ttlMs, onChange, signal }) => {
        let holds = false;
        while (!signal.aborted && !process.dead) {
          const now = this.clock.monotonic();
          const holder = this.held.get(name);
          const mine = !holder || holder.by === process || holder.until <= now;
          if (mine) this.held.set(name, { by: process, until: now + ttlMs });
          if (mine !== holds) onChange((holds = mine));
          await clock.sleep(ttlMs / 4, signal);
        }
        if (process.dead) return;
        if (holds) this.held.delete(name);
        if (holds) onChange(false);
      },
    };
  }
}
