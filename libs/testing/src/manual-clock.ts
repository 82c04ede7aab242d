import type { Clock } from '@foldline/kernel';

type Sleeper = { wakeAt: number; wake: () => void };
type Watcher = { ms: number; noticed: () => void };

/**
 * A clock that stands still until the test moves it, so that minutes cost nothing and nothing depends on how fast the
 * machine is.
 */
export class ManualClock implements Clock {
  private elapsed = 0;
  private readonly sleepers = new Set<Sleeper>();
  private readonly watchers = new Set<Watcher>();
  private readonly asked: number[] = [];

  constructor(private readonly start = Date.parse('2030-01-01T00:00:00.000Z')) {}

  now(): string {
    return new Date(this.start + this.elapsed).toISOString();
  }

  monotonic(): number {
    return this.elapsed;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return;
    await new Promise<void>((wake) => {
      const sleeper = { wakeAt: this.elapsed + ms, wake };
      this.sleepers.add(sleeper);
      signal?.addEventListener('abort', () => this.rouse(sleeper), { once: true });
      this.notice(ms);
    });
  }

  /** Lets time pass and wakes everybody whose sleep is over. */
  advance(ms: number): void {
    this.elapsed += ms;
    for (const sleeper of this.sleepers) if (sleeper.wakeAt <= this.elapsed) this.rouse(sleeper);
  }

  /** Resolves when somebody begins to sleep for exactly this long; each sleep is counted once, also an earlier one. */
  async sleeping(ms: number): Promise<void> {
    const earlier = this.asked.indexOf(ms);
    if (earlier >= 0) {
      this.asked.splice(earlier, 1);
      return;
    }
    await new Promise<void>((noticed) => this.watchers.add({ ms, noticed }));
  }

  private rouse(sleeper: Sleeper): void {
    this.sleepers.delete(sleeper);
    sleeper.wake();
  }

  private notice(ms: number): void {
    for (const watcher of this.watchers) {
      if (watcher.ms !== ms) continue;
      this.watchers.delete(watcher);
      watcher.noticed();
      return;
    }
    this.asked.push(ms);
  }
}
