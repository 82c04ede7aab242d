import { START, streamNameFilter, type AllStreamResolvedEvent, type EventStoreDBClient } from '@eventstore/db-client';
import type { RecordedEvent } from '@foldline/contracts';
import { TransientError, type FollowOptions } from '@foldline/kernel';
import { Pull, pauseUnless } from './pull.ts';
import { decode, isSystemEvent, type Stored } from './stored-event.ts';

type Listener = (events: readonly RecordedEvent[]) => Promise<void> | void;

/** Events handed over at once (an append is never cut, so it may be more), and held back by the client. */
const BATCH = 250;
const BUFFER = 256;
/** Events that the server looks through before it says how far it is. */
const SEARCH_WINDOW = 1_000;
const PAUSE = { firstMs: 50, longestMs: 5_000 };

export const subscribe = (client: EventStoreDBClient, after: number, categories: readonly string[] | undefined) => {
  const position = BigInt(after);
  const filter = categories
    ? streamNameFilter({ prefixes: categories.map((category) => `${category}-`), maxSearchWindow: SEARCH_WINDOW })
    : streamNameFilter({ regex: '^[^$]', maxSearchWindow: SEARCH_WINDOW });
  const subscription = client.subscribeToAll(
    {
      fromPosition: after === 0 ? START : { commit: position, prepare: position },
      filter,
    },
    { highWaterMark: BUFFER },
  );
  return new Pull<AllStreamResolvedEvent>(subscription, 'follow the log');
};

/**
 * Follows the log through outages. A subscription that ends, for whatever passing reason, is made anew behind the last
 * event that was handed over: never behind a checkpoint of the server, which may lie beyond events that never came.
 */
export class LogFollower {
  /** The beginning of an append whose end has not come yet. */
  private held: RecordedEvent[] = [];
  /** The last event that came in this subscription. */
  private received = 0;
  private pauseMs = PAUSE.firstMs;

  constructor(
    private readonly client: EventStoreDBClient,
    /** The last event handed over. */
    private position: number,
    private readonly options: FollowOptions,
    private readonly signal: AbortSignal,
    private readonly onOutage: (error: unknown) => void,
  ) {}

  async run(listener: Listener): Promise<void> {
    if (this.options.categories?.length === 0) return aborted(this.signal);
    while (!this.signal.aborted) {
      try {
        await this.throughOneSubscription(listener);
      } catch (error) {
        if (!(error instanceof Dropped)) throw error;
        this.onOutage(error.cause);
        await pauseUnless(this.signal, this.pauseMs);
        this.pauseMs = Math.min(PAUSE.longestMs, this.pauseMs * 2);
      }
    }
  }

  private async throughOneSubscription(listener: Listener): Promise<void> {
    const pull = subscribe(this.client, this.position, this.options.categories);
    this.held = [];
    this.received = this.position;
    try {
      while (!this.signal.aborted) {
        const events = this.whole(await this.next(pull));
        if (events.length === 0 || this.signal.aborted) continue;
        this.pauseMs = PAUSE.firstMs;
        this.position = events.at(-1)!.position;
        await listener(events);
      }
    } finally {
      await pull.leave();
    }
  }

  private async next(pull: Pull<AllStreamResolvedEvent>): Promise<Stored[]> {
    let taken: AllStreamResolvedEvent[];
    try {
      taken = await pull.take(BATCH, this.signal);
    } catch (error) {
      throw error instanceof TransientError ? new Dropped(error) : error;
    }
    if (taken.length === 0 && !this.signal.aborted)
      throw new Dropped(new TransientError('EventStoreDB ended a subscription'));
    return taken.flatMap(({ event }) => (event && !isSystemEvent(event) ? [decode(event)] : []));
  }

  /** The events of whole appends; those of one that has not come to its end are held until it has. */
  private whole(stored: readonly Stored[]): RecordedEvent[] {
    const ready: RecordedEvent[] = [];
    for (const { event, more } of stored) {
      if (event.position <= this.received) continue;
      this.received = event.position;
      this.held.push(event);
      if (more > 0) continue;
      for (const one of this.held) ready.push(one);
      this.held = [];
    }
    return ready;
  }
}

/** A subscription ended for a passing reason. Apart from errors of the listener, which may be passing as well. */
class Dropped extends Error {
  override readonly name = 'Dropped';
  constructor(override readonly cause: TransientError) {
    super(cause.message, { cause });
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
