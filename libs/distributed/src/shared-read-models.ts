import { TransientError, type Clock, type ReadModels, type ReadStore } from '@foldline/kernel';

const LOOK_EVERY_MS = 10;

/** How current read models are that another process may keep: what their store says. */
export class SharedReadModels implements ReadModels {
  private seen = 0;

  constructor(
    private readonly reads: ReadStore,
    /** Name of the projections. */
    private readonly name: string,
    private readonly clock: Clock,
  ) {}

  /** As of the last question; `reached` asks. */
  position(): number {
    return this.seen;
  }

  async reached(position: number, timeoutMs: number): Promise<boolean> {
    const end = this.clock.monotonic() + timeoutMs;
    for (;;) {
      if ((await this.look()) && this.seen >= position) return true;
      if (this.clock.monotonic() >= end) return false;
      await this.clock.sleep(LOOK_EVERY_MS);
    }
  }

  /** A store that does not answer just now is asked again: the time that was given is there for this, too. */
  private async look(): Promise<boolean> {
    try {
      this.seen = await this.reads.position(this.name);
      return true;
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      return false;
    }
  }
}
