import { Inject, Injectable } from '@nestjs/common';
import type { RecordedEvent } from '@foldline/contracts';
import { PORT, TransientError, type Clock, type EventStore } from '@foldline/kernel';
import { OpenStreams } from '../http/open-streams.ts';

/** Events behind a wish that are looked at for what came of it: the scheduler answers within a few. */
const LOOKED_AT = 20_000;
const PAGE = 1000;
/** Whoever wants to cancel is late when one of these comes first. */
const CANCELS = new Set(['PipelineCancelRequested', 'ServiceDeploymentCancelRequested']);
const ENDINGS = new Set([
  'PipelineFinished',
  'PipelineRejected',
  'ServiceDeploymentSucceeded',
  'ServiceDeploymentFailed',
]);

export type RecordedWish = Pick<RecordedEvent, 'id' | 'type' | 'position' | 'recordedAt'>;

/**
 * What the scheduler made of a wish, or the deployer. They are other services, often in other processes, so the log is
 * asked: their events name the wish as their cause.
 */
@Injectable()
export class WishOutcomes {
  constructor(
    @Inject(PORT.eventStore) private readonly store: EventStore,
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(OpenStreams) private readonly streams: OpenStreams,
  ) {}

  /**
   * The position at which the whole effect of the wish shows. Nothing when none is recorded within the time
   * (milliseconds), or when what was to be cancelled ended before the wish came to whoever decides. `stream` is where
   * that one's events are.
   */
  async effect(wish: RecordedWish, stream: string, after: number, waitMs: number): Promise<number | undefined> {
    const overtakes = ({ type }: RecordedEvent): boolean => CANCELS.has(wish.type) && ENDINGS.has(type);
    const found = await this.first(
      (event) => event.stream === stream && (event.causationId === wish.id || overtakes(event)),
      after,
      waitMs,
    );
    return found?.causationId === wish.id ? this.lastOf(found) : undefined;
  }

  /** How long a wish may still be without effect because its time has not come; in milliseconds. */
  remaining(wish: RecordedWish, waitMs: number): number {
    const age = Date.parse(this.clock.now()) - Date.parse(wish.recordedAt);
    return Math.min(waitMs, waitMs - age);
  }

  private async first(
    isIt: (event: RecordedEvent) => boolean,
    after: number,
    waitMs: number,
  ): Promise<RecordedEvent | undefined> {
    const ended = new AbortController();
    const remove = this.streams.add(() => ended.abort());
    let found: RecordedEvent | undefined;
    let seen = 0;
    const look = (events: readonly RecordedEvent[]): void => {
      found ??= events.find(isIt);
      seen += events.length;
      if (found || seen >= LOOKED_AT) ended.abort();
    };
    const timeOver = this.clock.sleep(waitMs, ended.signal).then(() => ended.abort());
    try {
      await this.store.follow(after, look, ended.signal);
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
    } finally {
      ended.abort();
      remove();
      await timeOver;
    }
    return found;
  }

  /** One wish may have thousands of events as its effect, stored together: the documents show it with the last. */
  private async lastOf({ stream, revision, causationId, position }: RecordedEvent): Promise<number> {
    let last = position;
    for (let from = revision + 1; ; from += PAGE) {
      const events = await this.store.readStream(stream, from, PAGE);
      for (const event of events) {
        if (event.causationId !== causationId) return last;
        last = event.position;
      }
      if (events.length < PAGE) return last;
    }
  }
}
