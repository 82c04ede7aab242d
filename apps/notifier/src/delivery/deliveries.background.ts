import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { COLLECTION, type NotificationDoc } from '@foldline/contracts';
import {
  PORT,
  Slots,
  type Clock,
  type EventStore,
  type Logger,
  type ReadModels,
  type ReadStore,
} from '@foldline/kernel';
import { Deliver } from './deliver.ts';

const AT_ONCE = 8;
/** Notifications kept in memory; more stay in the log until these are done. */
const MOST_ACTIVE = 1_000;
const PAGE = 200;
const LOOK_EVERY_MS = 60_000;
const LOOK_AGAIN_MS = 5_000;
const READ_MODELS_WAIT_MS = 10_000;

/**
 * Delivers notifications beside the event handlers, so that a slow receiver holds up nobody. What is not held in
 * memory (after a restart, after a failure, beyond the limit) is found again by its status.
 */
@Injectable()
export class Deliveries implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly active = new Map<string, Promise<void>>();
  private readonly slots = new Slots(AT_ONCE);
  private readonly stopping = new AbortController();
  private looking: Promise<void> = Promise.resolve();
  /** Something pending may not be in memory; true at the start, because nothing is. */
  private leftBehind = true;

  constructor(
    @Inject(Deliver) private readonly deliver: Deliver,
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(PORT.logger) private readonly logger: Logger,
    @Inject(PORT.eventStore) private readonly eventStore: EventStore,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(PORT.readModels) private readonly readModels: ReadModels,
  ) {}

  onApplicationBootstrap(): void {
    this.looking = this.keepLooking();
  }

  /** Stops waiting at once and lets the posts in progress end, which takes no longer than their deadline. */
  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.looking;
    await Promise.all(this.active.values());
  }

  /** Starts to deliver; does nothing for a notification that is being delivered or is over. */
  take(notificationId: string): void {
    if (this.stopping.signal.aborted || this.active.has(notificationId)) return;
    if (this.active.size >= MOST_ACTIVE) {
      this.leftBehind = true;
      return;
    }
    const work = this.deliverToTheEnd(notificationId)
      .catch((error: unknown) => {
        this.leftBehind = true;
        this.logger.error({ err: error, notificationId }, 'a notification could not be delivered now');
      })
      .finally(() => this.active.delete(notificationId));
    this.active.set(notificationId, work);
  }

  private async deliverToTheEnd(notificationId: string): Promise<void> {
    const stopping = this.stopping.signal;
    for (;;) {
      const pause = await this.deliver.pauseBefore(notificationId);
      if (pause === undefined) return;
      if (pause > 0) await this.clock.sleep(pause, stopping);
      await this.slots.use(async () => {
        if (!stopping.aborted) await this.deliver.tryOnce(notificationId);
      });
      if (stopping.aborted) return;
    }
  }

  private async keepLooking(): Promise<void> {
    const stopping = this.stopping.signal;
    while (!stopping.aborted) {
      try {
        if (this.leftBehind) await this.takePending();
      } catch (error) {
        this.leftBehind = true;
        this.logger.error({ err: error }, 'pending notifications could not be looked up');
      }
      await this.clock.sleep(this.leftBehind ? LOOK_AGAIN_MS : LOOK_EVERY_MS, stopping);
    }
  }

  private async takePending(): Promise<void> {
    if (!(await this.readModels.reached(await this.eventStore.lastPosition(), READ_MODELS_WAIT_MS))) return;
    this.leftBehind = false;
    let after: string | undefined;
    do {
      const page = await this.reads.query<NotificationDoc>(COLLECTION.notifications, {
        index: 'byStatus',
        prefix: 'pending/',
        limit: PAGE,
        ...(after !== undefined && { after }),
      });
      for (const { id } of page.items) this.take(id);
      after = page.nextCursor;
    } while (after !== undefined && !this.leftBehind);
  }
}
