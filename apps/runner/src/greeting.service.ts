import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { RUNNER_SIGNAL } from '@foldline/contracts';
import { PORT, type Clock, type Ids, type Settings, type Signals } from '@foldline/kernel';

const EVERY_MS = 10_000;

/** Says which runners this process has: when it starts, when it is asked, and now and then. */
@Injectable()
export class GreetingService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly epoch: string;
  private readonly closing = new AbortController();
  private stopListening: () => void = () => undefined;

  constructor(
    @Inject(PORT.settings) private readonly settings: Settings,
    @Inject(PORT.signals) private readonly signals: Signals,
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(PORT.ids) ids: Ids,
  ) {
    this.epoch = ids.next();
  }

  onApplicationBootstrap(): void {
    this.stopListening = this.signals.listen(RUNNER_SIGNAL.whoIsThere, () => void this.greet());
    void this.keepGreeting();
  }

  beforeApplicationShutdown(): void {
    this.stopListening();
    this.closing.abort();
  }

  private async keepGreeting(): Promise<void> {
    while (!this.closing.signal.aborted) {
      await this.greet();
      await this.clock.sleep(EVERY_MS, this.closing.signal);
    }
  }

  private async greet(): Promise<void> {
    for (const { id, offer } of this.settings.runners) {
      await this.signals.send(RUNNER_SIGNAL.hello, { runnerId: id, epoch: this.epoch, offer });
    }
  }
}
