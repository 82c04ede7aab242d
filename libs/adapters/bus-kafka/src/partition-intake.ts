import type { KafkaMessage } from 'kafkajs';
import type { RecordedEvent } from '@foldline/contracts';
import { Progress, type Entry } from '@foldline/delivery';
import { Inbox } from '@foldline/kernel';
import { fromMessage, referenceOf, type EventReference, type Incoming } from './event-message.ts';
import type { Expired } from './expired.ts';
import type { Room } from './room.ts';

/** An event on its way to its handler. */
export type Delivery = {
  partition: number;
  key: string;
  reference: EventReference;
  /** Parses it and puts large data back. */
  load: () => Promise<RecordedEvent>;
  done: () => void;
  /** The event, when its handler has failed. */
  failed?: RecordedEvent;
};

export type IntakeWork = {
  types: ReadonlySet<string> | undefined;
  restore: (event: RecordedEvent) => Promise<RecordedEvent>;
  /** Events of a stream that were to arrive before; tried again until the store can be asked. */
  readMissing: (stream: string, from: number, count: number) => Promise<RecordedEvent[]>;
  add: (delivery: Delivery) => void;
  onMoved: () => void;
  onForeign: (offset: number) => void;
  /** Messages were dropped by the topic before they came here; what comes behind them waits for `begin`. */
  onExpired: (expired: Expired) => void;
  onFailure: (error: unknown) => void;
  pause: () => void;
  resume: () => void;
};

/** Messages of one partition that were taken and are not done; the partition is paused beyond. */
const MAXIMUM_HELD = 1_000;
const ENOUGH_ROOM = 500;
const REMEMBERED_STREAMS = 50_000;

/**
 * One partition as long as it is ours: what of it has arrived, is new, and is done. Until it is known that the topic
 * still holds everything, and what it does not has been handed out, whatever arrives is kept.
 */
export class PartitionIntake {
  private readonly inbox = new Inbox(REMEMBERED_STREAMS);
  private readonly progress = new Progress(-1);
  private readonly backlog: KafkaMessage[] = [];
  private held = 0;
  private paused = false;
  private waits = true;
  private following: number | undefined;
  private expired: Entry | undefined;
  private completeAfter = Number.POSITIVE_INFINITY;

  constructor(
    readonly partition: number,
    private readonly work: IntakeWork,
  ) {}

  /** The next message that the group has to be given; `undefined` as long as nothing is done here. */
  get next(): number | undefined {
    return this.progress.position < 0 ? undefined : this.progress.position + 1;
  }

  /** From here on the partition brings everything: events stored behind this position are published while it is ours. */
  bringsAllAfter(position: number): void {
    this.completeAfter = position;
  }

  /** Whether an event, of which all that its partition held has been handed out since, is known not to have come. */
  misses({ stream, correlationId: key, revision, position }: RecordedEvent): boolean {
    return position > this.completeAfter && this.inbox.lacks(inboxKey({ stream, key }), revision);
  }

  /** What was kept is handed out, and what comes. To be called when there is nothing more to hand out of the log. */
  begin(): void {
    const { expired } = this;
    this.expired = undefined;
    this.waits = false;
    if (expired) this.finish(expired);
    this.sort();
  }

  /** The partition goes on with the message `kept`; events that came before are handed out before `begin`. */
  lacks({ kept }: Expired): void {
    this.expired = this.progress.begin(kept - 1);
    this.held += 1;
    this.following = kept;
  }

  /** Hands out an event of the log that the topic may have dropped. */
  handOut(event: RecordedEvent, room: Room): void {
    const { stream, revision, correlationId: key } = event;
    if (!this.expired || this.inbox.accept(inboxKey({ stream, key }), revision, -1) !== 'next') return;
    const { expired } = this;
    room.take();
    const done = (): void => {
      room.giveBack();
      this.finish(expired);
    };
    const isOurs = this.enqueue(key, referenceOf(event), () => this.work.restore(event), expired, done);
    if (!isOurs) room.giveBack();
  }

  take(messages: readonly KafkaMessage[]): void {
    this.backlog.push(...messages);
    this.held += messages.length;
    if (this.held >= MAXIMUM_HELD && !this.paused) {
      this.paused = true;
      this.work.pause();
    }
    if (!this.waits) this.sort();
  }

  /** Passes on what has arrived, in order; a gap holds up what came behind it. */
  private sort(): void {
    const taken = this.backlog.splice(0);
    for (const [n, message] of taken.entries()) {
      const kept = Number(message.offset);
      if (kept > (this.following ?? kept)) {
        this.waits = true;
        this.backlog.unshift(...taken.slice(n));
        return this.work.onExpired({ partition: this.partition, from: this.following!, kept });
      }
      this.following = Math.max(kept + 1, this.following ?? 0);
      const repair = this.accept(message, this.progress.begin(kept));
      if (!repair) continue;
      this.waits = true;
      this.backlog.unshift(...taken.slice(n + 1));
      repair.then(
        () => this.begin(),
        (error: unknown) => this.work.onFailure(error),
      );
      return;
    }
  }

  private accept(message: KafkaMessage, entry: Entry): Promise<void> | undefined {
    const incoming = fromMessage(message);
    if (incoming) {
      const arrival = this.inbox.accept(inboxKey(incoming), incoming.revision, incoming.previous);
      if (typeof arrival === 'object') return this.repair(incoming, entry, arrival.missingFrom);
      if (arrival === 'next') this.enqueue(incoming.key, incoming, this.loading(incoming), entry);
    } else this.work.onForeign(Number(message.offset));
    this.finish(entry);
    return undefined;
  }

  /**
   * Something of the stream has not arrived: it is read from the store and handed out in front. What went to other
   * partitions because it has another key is left to them.
   */
  private async repair(incoming: Incoming, entry: Entry, from: number): Promise<void> {
    const { stream, revision, key } = incoming;
    const missing = await this.work.readMissing(stream, from, revision - from);
    for (const event of missing) {
      if (event.correlationId !== key || event.revision >= revision) continue;
      if (this.inbox.accept(inboxKey(incoming), event.revision, from - 1) !== 'next') continue;
      this.enqueue(key, referenceOf(event), () => this.work.restore(event), entry);
    }
    if (this.inbox.accept(inboxKey(incoming), revision, from - 1) === 'next')
      this.enqueue(key, incoming, this.loading(incoming), entry);
    this.finish(entry);
  }

  private loading({ value }: Incoming): () => Promise<RecordedEvent> {
    return async () => this.work.restore(JSON.parse(value.toString()) as RecordedEvent);
  }

  private enqueue(
    key: string,
    event: EventReference,
    load: () => Promise<RecordedEvent>,
    entry: Entry,
    done = (): void => this.finish(entry),
  ): boolean {
    if (this.work.types && !this.work.types.has(event.type)) return false;
    const { eventId, type, stream, revision, position } = event;
    entry.open += 1;
    const reference = { eventId, type, stream, revision, position };
    this.work.add({ partition: this.partition, key, reference, load, done });
    return true;
  }

  private finish(entry: Entry): void {
    const moved = this.progress.finish(entry);
    if (entry.open === 0) this.held -= 1;
    if (this.paused && this.held <= ENOUGH_ROOM) {
      this.paused = false;
      this.work.resume();
    }
    if (moved) this.work.onMoved();
  }
}

/** Events of one stream may have several keys, and only those of one key arrive here in order. */
const inboxKey = ({ stream, key }: Pick<Incoming, 'stream' | 'key'>): string => JSON.stringify([stream, key]);
