import type { RecordedEvent } from '@foldline/contracts';
import { Inbox, TransientError, type EventHandler, type EventStore } from '@foldline/kernel';
import { reasonOf } from '@foldline/sqlite';
import type { BusState } from './bus-state.ts';
import { Progress, type Entry } from './progress.ts';
import { Tries, type Retry } from './retry.ts';

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
  onFailure: (group: string, error: unknown) => void;
};

type Delivery = { event: RecordedEvent; entry: Entry; tries: Tries };

/** Events taken from the log and not done yet; the log waits beyond. */
const MAXIMUM_IN_FLIGHT = 1_000;
const REMEMBERED_STREAMS = 50_000;

/** One consumer group: takes events from the log and hands them out, one at a time per key. */
export class ConsumerGroup {
  readonly parkedKeys: Set<string>;
  private readonly progress: Progress;
  private readonly inbox = new Inbox(REMEMBERED_STREAMS);
  /** The events of each key that has some; the first is the one in hand. */
  private readonly queues = new Map<string, Delivery[]>();
  private readonly ready: string[] = [];
  private running = 0;
  private inFlight = 0;
  private taken: number;
  private onRoom: () => void = () => undefined;
  private onIdle: () => void = () => undefined;

  constructor(
    readonly name: string,
    readonly handler: EventHandler,
    private readonly concurrency: number,
    private readonly context: GroupContext,
  ) {
    this.taken = context.state.checkpoint(name);
    this.progress = new Progress(this.taken);
    this.parkedKeys = context.state.parkedKeys(name);
  }

  get position(): number {
    return this.progress.position;
  }

  /** Follows the log until the bus closes. A log that cannot be reached for a while is tried again. */
  async follow(): Promise<void> {
    const { store, closing } = this.context;
    await this.throughOutages(() => store.follow(this.taken, (events) => this.take(events), closing));
  }

  /** Repeats the work while it fails with `TransientError` and the bus is open. */
  private async throughOutages(work: () => Promise<void>): Promise<void> {
    const { closing, pause, retry } = this.context;
    for (let tries = new Tries(retry); !closing.aborted;) {
      const before = this.taken;
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof TransientError)) throw error;
        if (this.taken > before) tries = new Tries(retry);
        await pause(tries.pauseAfter(error)!);
      }
    }
  }

  /** Resolves when no handler runs any more; none is begun after the bus has begun to close. */
  async idle(): Promise<void> {
    this.onRoom();
    if (this.running === 0) return;
    await new Promise<void>((resolve) => {
      this.onIdle = resolve;
    });
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
    const key = event.correlationId;
    if (this.parkedKeys.has(key)) return this.context.state.addWaiting(this.name, key, event.position);
    entry.open += 1;
    this.inFlight += 1;
    const delivery = { event, entry, tries: new Tries(this.context.retry) };
    const queue = this.queues.get(key);
    if (queue) {
      queue.push(delivery);
      return;
    }
    this.queues.set(key, [delivery]);
    this.ready.push(key);
    this.start();
  }

  private start(): void {
    while (this.running < this.concurrency && !this.context.closing.aborted) {
      const key = this.ready.shift();
      if (key === undefined) return;
      this.running += 1;
      this.handleFirst(key).catch((error: unknown) => this.context.onFailure(this.name, error));
    }
  }

  private async handleFirst(key: string): Promise<void> {
    const queue = this.queues.get(key)!;
    const delivery = queue[0]!;
    try {
      await this.handler(delivery.event);
      queue.shift();
      this.done(delivery);
      this.goOn(key, queue);
    } catch (error) {
      this.failed(key, delivery, error);
    } finally {
      this.running -= 1;
      this.start();
      if (this.running === 0) this.onIdle();
    }
  }

  private goOn(key: string, queue: readonly Delivery[]): void {
    if (queue.length === 0) this.queues.delete(key);
    else this.ready.push(key);
  }

  private failed(key: string, { event, tries }: Delivery, error: unknown): void {
    const pause = tries.pauseAfter(error);
    if (pause === undefined) {
      this.park(key, event, tries.failures, error);
      return;
    }
    // The key keeps its place in the order and gives its turn to others meanwhile.
    this.context
      .pause(pause)
      .then(() => {
        this.ready.push(key);
        this.start();
      })
      .catch((cause: unknown) => this.context.onFailure(this.name, cause));
  }

  /** Sets a key aside with everything of it that waits here; what comes later is added as it arrives. */
  private park(key: string, event: RecordedEvent, attempts: number, error: unknown): void {
    const queue = this.queues.get(key)!;
    const waiting = queue.map((delivery) => delivery.event.position);
    this.context.state.park(parkingOf(this.name, event, attempts, error, this.context.now()), waiting);
    this.parkedKeys.add(key);
    this.queues.delete(key);
    for (const delivery of queue) this.done(delivery);
  }

  private done({ entry }: Delivery): void {
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
