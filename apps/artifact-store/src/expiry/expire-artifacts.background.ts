import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import {
  COMMANDS,
  PORT,
  type Clock,
  type Commands,
  type EventStore,
  type Logger,
  type ObjectStore,
  type ReadModels,
  type ReadStore,
} from '@foldline/kernel';
import { BlobGate } from './blob-gate.ts';
import { expireArtifacts, type ExpiryPorts } from './expire-artifacts.ts';

const EVERY_MS = 60_000;

/** Looks once a minute for artifacts whose time is over. */
@Injectable()
export class ExpireArtifacts implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly ports: ExpiryPorts;
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(
    @Inject(COMMANDS) commands: Commands,
    @Inject(PORT.eventStore) eventStore: EventStore,
    @Inject(PORT.readStore) readStore: ReadStore,
    @Inject(PORT.readModels) readModels: ReadModels,
    @Inject(PORT.objectStore) objectStore: ObjectStore,
    @Inject(PORT.clock) clock: Clock,
    @Inject(PORT.logger) logger: Logger,
    @Inject(BlobGate) gate: BlobGate,
  ) {
    this.ports = { commands, eventStore, readStore, readModels, objectStore, clock, logger, gate };
  }

  onApplicationBootstrap(): void {
    this.running = this.run(this.stopping.signal);
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(stopping: AbortSignal): Promise<void> {
    const { clock, logger } = this.ports;
    for (;;) {
      await clock.sleep(EVERY_MS, stopping);
      if (stopping.aborted) return;
      try {
        const expired = await expireArtifacts(this.ports);
        if (expired > 0) logger.info({ expired }, 'artifacts expired');
      } catch (error) {
        // Whatever failed, the artifacts are still due and the next minute tries again.
        logger.error({ err: error }, 'artifacts could not be expired');
      }
    }
  }
}
