import type { RecordedEvent } from '@foldline/contracts';
import {
  KeyLanes,
  Progress,
  throughOutages,
  type Entry,
  type Failure,
  type HandlingFailure,
  type Retry,
} from '@foldline/delivery';
import { Inbox, type EventHandler, type EventStore } from '@foldline/kernel';
import { reasonOf } from '@foldline/sqlite';
import type { BusState } from './bus-state.ts';

/** What the groups of a bus share. */
export type GroupContext = {
  store: EventStore;
  state: BusState;
  retry: Retry;
  now: () => string;
  /** Ends early when the bus closes. */
  pause: (ms: number) => Promise<void>;
  deliveries: (event: RecordedEvent) => readonly RecordedEvent[];
  /** Aborts when the bus stops taking events. */
  closing: AbortSignal;
  onProgress: (group: string, position: number) => void;
  onHandlingFailure: (failure: HandlingFailure) => void;
  onFailure: (group: string, error: unknown) => void;
};

type Delivery = { event: RecordedEvent; entry: Entry };

export type GroupOptions = { concurrency: number; types?: readonly string[] };

/** Events taken from the log and not done yet; the log waits beyond. */
const MAXIMUM_IN_FLIGHT = 1_000;
const REMEMBERED_STREAMS = 50_000;

/** One consumer group: takes events from the log and hands them out, one at a time per key. */
export class ConsumerGroup {
  readonly parkedKeys: Set<string>;
  private readonly progress: Progress;
  private readonly inbox = new Inbox(REMEMBERED_STREAMS);
  private readonly lanes: KeyLanes<Delivery>;
  private readonly types: ReadonlySet<string> | undefined;
  private inFlight = 0;
  private taken: number;
  private onRoom: () => void = () => undefined;

  constructor(
    readonly name: string,
    readonly handler: EventHandler,
    { concurrency, types }: GroupOptions,
    private readonly context: GroupContext,
  ) {
    const { state, retry, pause } = context;
    this.types = types && new Set(types);
    this.taken = state.checkpoint(name);
    this.progress = new Progress(this.taken);
    this.parkedKeys = state.parkedKeys(name);
    this.lanes = new KeyLanes({
      concurrency,
      retry,
      pause,
      handle: ({ event }) => handler(event),
      isParked: (key) => this.parkedKeys.has(key),
      divert: (key, items) => {
        for (const { event } of items) state.addWaiting(name, key, event.position);
        return items.length;
      },
      park: (key, items, failure) => this.park(key, items, failure),
      failed: ({ event }, failure) => this.failed(event, failure),
      done: ({ entry }) => this.done(entry),
      onFailure: (error) => context.onFailure(name, error),
    });
    // Whoever closes the bus stops what has not begun before anything else can happen.
    context.closing.addEventListener('abort', () => this.lanes.stop(), { once: true });
  }

  get position(): number {
    return this.progress.position;
  }

  /** Follows the log until the bus closes. A log that cannot be reached for a while is tried again. */
  async follow(): Promise<void> {
    const { store, closing } = this.context;
    await this.throughOutages(() => store.follow(this.taken, (events) => this.take(events), closing));
  }

  private throughOutages(work: () => Promise<void>): Promise<void> {
    return throughOutages(work, { ...this.context, progress: () => this.taken });
  }

  /** Resolves when no handler runs any more; none is begun after the bus has begun to close. */
  async idle(): Promise<void> {
    this.onRoom();
    await this.lanes.idle();
  }

  /** Tells of a try that failed. */
  failed(event: RecordedEvent, failure: Failure): void {
    this.context.onHandlingFailure({ ...failure, group: this.name, key: event.correlationId, event });
  }

  private async take(events: readonly RecordedEvent[]): Promise<void> {
    for (const event of events) {
      while (this.inFlight >= MAXIMUM_IN_FLIGHT && !this.context.closing.aborted) await this.room();
      if (this.context.closing.aborted) return;
      const entry = this.progress.begin(event.position);
      this.taken = event.position;
      for (const delivered of this.context.deliveries(event)) {
        const repair = this.accept(delivered, entry);
        if (repair) await repair;
      }
      this.finish(entry);
    }
  }

  private room(): Promise<void> {
    return new Promise((resolve) => {
      this.onRoom = resolve;
    });
  }

  private accept(event: RecordedEvent, entry: Entry): Promise<void> | undefined {
    const arrival = this.inbox.accept(event.stream, event.revision);
    if (arrival === 'next') this.enqueue(event, entry);
    if (typeof arrival === 'string') return undefined;
    return this.throughOutages(() => this.repair(event, arrival.missingFrom, entry));
  }

  /** Events before this one never arrived: they are taken from the log, in front of it. */
  private async repair(event: RecordedEvent, missingFrom: number, entry: Entry): Promise<void> {
    const missing = await this.context.store.readStream(event.stream, missingFrom, event.revision - missingFrom);
    for (const each of [...missing, event]) {
      if (this.inbox.accept(each.stream, each.revision) === 'next') this.enqueue(each, entry);
    }
  }

  private enqueue(event: RecordedEvent, entry: Entry): void {
    if (this.types && !this.types.has(event.type)) return;
    entry.open += 1;
    this.inFlight += 1;
    this.lanes.add(event.correlationId, { event, entry });
  }

  /** Sets a key aside with everything of it that waits here; what comes later is added as it arrives. */
  private park(key: string, items: readonly Delivery[], { attempts, error }: Failure): void {
    const waiting = items.map(({ event }) => event.position);
    this.context.state.park(parkingOf(this.name, items[0]!.event, attempts, error, this.context.now()), waiting);
    this.parkedKeys.add(key);
  }

  private done(entry: Entry): void {
    this.inFlight -= 1;
    this.finish(entry);
    if (this.inFlight < MAXIMUM_IN_FLIGHT) this.onRoom();
  }

  private finish(entry: Entry): void {
    if (this.progress.finish(entry)) this.context.onProgress(this.name, this.progress.position);
  }
}

const LONGEST_REASON = 2_000;

export const parkingOf = (group: string, event: RecordedEvent, attempts: number, error: unknown, parkedAt: string) => ({
  group,
  key: event.correlationId,
  position: event.position,
  eventId: event.id,
  eventType: event.type,
  stream: event.stream,
  error: reasonOf(error).slice(0, LONGEST_REASON),
  attempts,
  parkedAt,
});
