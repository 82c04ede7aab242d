import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { PORT, type Clock, type EventStore, type Settings } from '@foldline/kernel';

const EVERY_MS = 1_000;
/** A log that has not answered for so long counts as away. */
const SILENCE_MS = 3_000;

/**
 * Knows whether the log can be reached. While it cannot, documents are shown as they were: nobody can tell what has
 * happened since.
 */
@Injectable()
export class LogWatch implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stopping = new AbortController();
  private failed = false;
  private askedAt: number | undefined;
  private watching: Promise<void> = Promise.resolve();

  constructor(
    @Inject(PORT.settings) private readonly settings: Settings,
    @Inject(PORT.eventStore) private readonly store: EventStore,
    @Inject(PORT.clock) private readonly clock: Clock,
  ) {}

  get isAway(): boolean {
    const silent = this.askedAt !== undefined && this.clock.monotonic() - this.askedAt >= SILENCE_MS;
    return this.failed || silent;
  }

  /** Where the log lies in this process there is nothing to watch. */
  onApplicationBootstrap(): void {
    if (this.settings.mode === 'distributed') this.watching = this.watch(this.stopping.signal);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.watching;
  }

  private async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.askedAt = this.clock.monotonic();
      this.failed = await this.store.lastPosition().then(
        () => false,
        () => true,
      );
      this.askedAt = undefined;
      await this.clock.sleep(EVERY_MS, signal);
    }
  }
}
