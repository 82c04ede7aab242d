import type { Kafka } from 'kafkajs';
import type { RecordedEvent } from '@foldline/contracts';
import { KeyLanes, throughOutages, type Failure, type HandlingFailure, type Outage } from '@foldline/delivery';
import { TransientError, type EventHandler, type EventStore } from '@foldline/kernel';
import { catchUp } from './catch-up.ts';
import { expiryText, standingOf, type Expired } from './expired.ts';
import { GroupCommits } from './group-commits.ts';
import { GroupMember, type MemberTimings } from './group-member.ts';
import type { ParkedLog } from './parked-log.ts';
import { decideDivert, decidePark } from './parked-state.ts';
import type { EventReference } from './event-message.ts';
import { PartitionIntake, type Delivery } from './partition-intake.ts';
import { Replayer } from './replayer.ts';
import type { Topics } from './topics.ts';

/** What the groups of a bus share. */
export type GroupContext = {
  kafka: Kafka;
  topics: Topics;
  store: EventStore;
  restore: (event: RecordedEvent) => Promise<RecordedEvent>;
  outage: Outage;
  now: () => string;
  timings: MemberTimings;
  commitEveryMs: number;
  commitEvery: number;
  /** How long running handlers are waited for before their partitions go to another member. */
  drainMs: number;
  onTrouble: (error: Error) => void;
  onHandlingFailure: (failure: HandlingFailure) => void;
  onFailure: (group: string, error: unknown) => void;
};

export type GroupOptions = { groupId: string; concurrency: number; types?: readonly string[] };

const LONGEST_REASON = 2_000;

/** One consumer group as far as it runs here: takes the events of its partitions and hands them out, in order per key. */
export class ConsumerGroup {
  private readonly lanes: KeyLanes<Delivery>;
  private readonly member: GroupMember;
  readonly commits: GroupCommits;
  private readonly replayer: Replayer;
  private readonly types: ReadonlySet<string> | undefined;
  private partitions = new Map<number, PartitionIntake>();

  constructor(
    readonly name: string,
    private readonly handler: EventHandler,
    private readonly options: GroupOptions,
    private readonly parked: ParkedLog,
    private readonly context: GroupContext,
  ) {
    const { kafka, topics, outage, timings, onTrouble, now, store, restore } = context;
    const { groupId, concurrency, types } = options;
    const { retry, pause, closing } = outage;
    this.types = types && new Set(types);
    this.lanes = new KeyLanes({
      concurrency,
      retry,
      pause,
      handle: (delivery) => this.handle(delivery),
      isParked: (key) => parked.state.keys.has(key),
      divert: (key, items) => this.divert(key, items),
      park: (key, items, failure) => this.park(key, items, failure),
      failed: ({ key, reference, failed }, failure) => this.tell(key, reference, failure, failed?.data),
      done: (delivery) => delivery.done(),
      onFailure: (error) => this.failed(error),
    });
    this.lanes.stop();
    this.member = new GroupMember({
      ...timings,
      kafka,
      groupId,
      topic: topics.events,
      pause,
      closing,
      onTrouble,
      beforeJoin: () => this.handOver(),
      joined: (partitions) => this.joined(partitions),
      take: (partition, messages) => this.partitions.get(partition)?.take(messages),
    });
    this.commits = new GroupCommits({
      kafka,
      topic: topics.events,
      groupId,
      member: this.member,
      partitions: () => this.partitions,
      everyMs: context.commitEveryMs,
      everyEvents: context.commitEvery,
      closing,
      onTrouble,
    });
    this.replayer = new Replayer({
      parked,
      owns: (partition) => this.partitions.has(partition),
      handle: async (event) => handler(await restore(event)),
      failed: (key, reference, failure) => this.tell(key, reference, failure),
      store,
      outage,
      now,
      onFailure: (error) => this.failed(error),
    });
    closing.addEventListener('abort', () => this.lanes.stop(), { once: true });
  }

  /** See `PartitionIntake.misses`; false for the partitions of others. */
  misses(partition: number, event: RecordedEvent): boolean {
    return this.partitions.get(partition)?.misses(event) ?? false;
  }

  /** Consumes until the bus closes; then finishes what runs, says how far it came and leaves the group. */
  async run(): Promise<void> {
    await this.member.run();
    await Promise.all([this.lanes.idle(), this.replayer.idle()]);
    await this.commits.commit();
    await this.member.leave();
  }

  /** Partitions are about to change hands: nothing is begun, what runs may end, and the group learns how far we came. */
  private async handOver(): Promise<void> {
    this.lanes.stop();
    if (this.partitions.size === 0) return;
    await Promise.race([this.lanes.idle(), this.context.outage.pause(this.context.drainMs)]);
    await this.commits.commit();
    // What is left comes again: from the last commit, to whoever is given the partition.
    this.partitions = new Map();
    this.commits.forget();
    this.lanes.clear();
  }

  private joined(partitions: readonly number[]): void {
    this.commits.forget();
    this.lanes.clear();
    const ours = new Map(partitions.map((partition) => [partition, this.intake(partition)]));
    this.partitions = ours;
    // What the owner before us parked must be known before anything is handed out, and what the topic has dropped.
    let last = 0;
    let expired: Expired[] = [];
    throughOutages(async () => {
      last = await this.context.store.lastPosition();
      for (const intake of ours.values()) intake.bringsAllAfter(last);
      await this.parked.catchUp();
      const { kafka, topics } = this.context;
      const standing = await standingOf(kafka, topics.events, this.options.groupId);
      expired = standing.expired.filter(({ partition }) => ours.has(partition));
    }, this.context.outage)
      .then(() => {
        if (this.partitions !== ours || this.context.outage.closing.aborted) return;
        this.lanes.resume();
        this.replayer.look();
        const behind = new Set(expired.map(({ partition }) => partition));
        for (const intake of ours.values()) if (!behind.has(intake.partition)) intake.begin();
        this.catchUp(expired, last);
      })
      .catch((error: unknown) => this.failed(error));
  }

  /** Hands out from the log what the topic has dropped, and then what it holds. */
  private catchUp(expired: readonly Expired[], upTo: number): void {
    if (expired.length === 0) return;
    const { partitions } = this;
    const { store, topics, outage, onTrouble } = this.context;
    const after = this.commits.handled;
    onTrouble(new Error(expiryText(this.options.groupId, expired, after)));
    for (const each of expired) partitions.get(each.partition)?.lacks(each);
    const behind = expired.flatMap(({ partition }) => partitions.get(partition) ?? []);
    const isOver = (): boolean => this.partitions !== partitions || outage.closing.aborted;
    catchUp({ store, topics, behind, after, upTo, reading: (read) => this.throughOutages(read), isOver })
      .then(() => {
        if (!isOver()) for (const intake of behind) intake.begin();
      })
      .catch((error: unknown) => this.failed(error));
  }

  private async expired(expired: Expired): Promise<void> {
    const { partitions } = this;
    const last = await this.throughOutages(() => this.context.store.lastPosition());
    if (this.partitions === partitions) this.catchUp([expired], last);
  }

  private intake(partition: number): PartitionIntake {
    return new PartitionIntake(partition, {
      types: this.types,
      restore: this.context.restore,
      readMissing: (stream, from, count) =>
        this.throughOutages(() => this.context.store.readStream(stream, from, count)),
      add: (delivery) => this.lanes.add(delivery.key, delivery),
      onMoved: () => this.commits.moved(),
      onForeign: (offset) =>
        this.context.onTrouble(new Error(`message ${offset} of partition ${partition} is none of ours: passed over`)),
      onExpired: (expired) => void this.expired(expired).catch((error: unknown) => this.failed(error)),
      onFailure: (error) => this.failed(error),
      pause: () => this.member.pause(partition),
      resume: () => this.member.resume(partition),
    });
  }

  /** Tells of a try that failed; with the event's data, where it could be loaded. */
  private tell(key: string, { eventId: id, type, stream }: EventReference, failure: Failure, data?: unknown): void {
    const event = { id, type, stream, correlationId: key, data };
    this.context.onHandlingFailure({ ...failure, group: this.name, key, event });
  }

  private async handle(delivery: Delivery): Promise<void> {
    const event = await delivery.load();
    try {
      await this.handler(event);
    } catch (error) {
      delivery.failed = event;
      throw error;
    }
  }

  private async divert(key: string, items: readonly Delivery[]): Promise<number> {
    const events = items.map(({ reference }) => reference);
    const parked = await this.throughOutages(() => this.parked.change((state) => decideDivert(state, key, events)));
    return parked ? items.length : 0;
  }

  private async park(key: string, items: readonly Delivery[], { attempts, error }: Failure): Promise<void> {
    const parking = {
      key,
      partition: items[0]!.partition,
      events: items.map(({ reference }) => reference),
      error: (error instanceof Error ? error.message : String(error)).slice(0, LONGEST_REASON),
      attempts,
      parkedAt: this.context.now(),
    };
    await this.throughOutages(() => this.parked.change((state) => decidePark(state, parking)));
  }

  /** The result, however long it takes. Throws when the bus closes before, so that nothing counts as done. */
  private async throughOutages<Result>(work: () => Promise<Result>): Promise<Result> {
    let result: { value: Result } | undefined;
    await throughOutages(async () => {
      result = { value: await work() };
    }, this.context.outage);
    if (!result) throw new TransientError('the bus has closed');
    return result.value;
  }

  private failed(error: unknown): void {
    const isEnd = error instanceof TransientError && this.context.outage.closing.aborted;
    if (!isEnd) this.context.onFailure(this.name, error);
  }
}
