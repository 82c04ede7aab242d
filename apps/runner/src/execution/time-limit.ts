import type { Clock } from '@foldline/kernel';

/** How long something may take, counted while it is not paused. It is at first. */
export class TimeLimit {
  private running: { since: number; stop: AbortController } | undefined;

  constructor(
    private readonly clock: Clock,
    private leftMs: number,
    private readonly onOver: () => void,
  ) {}

  pause(): void {
    if (!this.running) return;
    this.leftMs -= this.clock.monotonic() - this.running.since;
    this.running.stop.abort();
    this.running = undefined;
  }

  resume(): void {
    if (this.running) return;
    const stop = new AbortController();
    this.running = { since: this.clock.monotonic(), stop };
    void this.clock.sleep(Math.max(0, this.leftMs), stop.signal).then(() => {
      if (!stop.signal.aborted) this.onOver();
    });
  }
}
