import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { COLLECTION, type JobDoc } from '@foldline/contracts';
import { PORT, derivedId, type Clock, type Logger, type ReadStore } from '@foldline/kernel';
import { DispatchService } from '../dispatch/dispatch.service.ts';

const EVERY_MS = 500;
/** Jobs that are started at one look; the rest is due at the next. */
const BATCH = 200;

/**
 * Queues delayed jobs when their time is over. When that is follows from the log alone, so it outlives every scheduler;
 * the one that leads looks (`LeaseWatch`), and a job that somebody else has started meanwhile is left alone by its pipeline.
 */
@Injectable()
export class StartDelayedJobs implements BeforeApplicationShutdown {
  /** Aborted when this scheduler leads no longer. */
  private leading = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(PORT.logger) private readonly logger: Logger,
    @Inject(DispatchService) private readonly dispatch: DispatchService,
  ) {}

  /** From now on this scheduler looks, or leaves it to another one. */
  lead(leads: boolean): void {
    this.leading.abort();
    if (!leads) return;
    this.leading = new AbortController();
    this.running = this.run(this.leading.signal);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.leading.abort();
    await this.running;
  }

  private async run(over: AbortSignal): Promise<void> {
    for (;;) {
      await this.clock.sleep(EVERY_MS, over);
      if (over.aborted) return;
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
