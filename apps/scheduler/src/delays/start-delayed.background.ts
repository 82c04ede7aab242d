import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { COLLECTION, type JobDoc } from '@foldline/contracts';
import { PORT, derivedId, type Clock, type Logger, type ReadStore } from '@foldline/kernel';
import { DispatchService } from '../dispatch/dispatch.service.ts';

const EVERY_MS = 500;
/** Jobs that are started at one look; the rest is due at the next. */
const BATCH = 200;

/**
 * Queues delayed jobs when their time is over. When that is follows from the log alone, so it outlives every scheduler;
 * the one that leads looks, and a job that somebody else has started meanwhile is left alone by its pipeline.
 */
@Injectable()
export class StartDelayedJobs implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly closing = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(PORT.logger) private readonly logger: Logger,
    @Inject(DispatchService) private readonly dispatch: DispatchService,
  ) {}

  onApplicationBootstrap(): void {
    this.running = this.run(this.closing.signal);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.closing.abort();
    await this.running;
  }

  private async run(closing: AbortSignal): Promise<void> {
    for (;;) {
      await this.clock.sleep(EVERY_MS, closing);
      if (closing.aborted) return;
      if (!this.dispatch.leads) continue;
      await this.startDue().catch((err: unknown) => {
        this.logger.error({ err }, 'delayed jobs could not be started yet');
      });
    }
  }

  private async startDue(): Promise<void> {
    const page = await this.reads.query<JobDoc>(COLLECTION.jobs, { index: 'byStart', limit: BATCH });
    // RFC 3339 in UTC with milliseconds sorts as text.
    const now = this.clock.now();
    for (const { id: jobId, pipelineId, startsAt } of page.items) {
      if (startsAt === undefined || startsAt > now) return;
      const cause = { id: derivedId('due', jobId, startsAt), actor: { kind: 'system', id: 'scheduler' } } as const;
      await this.dispatch.handle(pipelineId, { type: 'StartDelayedJob', jobId }, cause);
    }
  }
}
