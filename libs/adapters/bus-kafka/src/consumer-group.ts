import type { Kafka } from 'kafkajs';
import type { RecordedEvent } from '@foldline/contracts';
import { KeyLanes, throughOutages, type Failure, type HandlingFailure, type Outage } from '@foldline/delivery';
import { TransientError, type EventHandler, type EventStore } from '@foldline/kernel';
import type { EventReference } from './event-message.ts';
import { GroupMember, type MemberTimings } from './group-member.ts';
import type { ParkedLog } from './parked-log.ts';
import { decideDivert, decidePark } from './parked-state.ts';
import { PartitionIntake, type Delivery } from './partition-intake.ts';
import { Replayer } from './replayer.ts';

/** What the groups of a bus share. */
export type GroupContext = {
  kafka: Kafka;
  topic: string;
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
  private readonly replayer: Replayer;
  private readonly types: ReadonlySet<string> | undefined;
  private partitions = new Map<number, PartitionIntake>();
  /** What the group has been told of each partition since it is ours. */
  private committed = new Map<number, number>();
  private steps = 0;
  private timer: NodeJS.Timeout | undefined;
  private committing: Promise<void> = Promise.resolve();

  constructor(
    readonly name: string,
    private readonly handler: EventHandler,
    { groupId, concurrency, types }: GroupOptions,
    private readonly parked: ParkedLog,
    private readonly context: GroupContext,
  ) {
    const { kafka, topic, outage, timings, onTrouble, now, store, restore } = context;
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
      topic,
      pause,
      closing,
      onTrouble,
      beforeJoin: () => this.handOver(),
      joined: (partitions) => this.joined(partitions),
      take: (partition, messages) => this.partitions.get(partition)?.take(messages),
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
    await this.commit();
    await this.member.leave();
  }

  /** Partitions are about to change hands: nothing is begun, what runs may end, and the group learns how far we came. */
  private async handOver(): Promise<void> {
    this.lanes.stop();
    if (this.partitions.size === 0) return;
    await Promise.race([this.lanes.idle(), this.context.outage.pause(this.context.drainMs)]);
    await this.commit();
    // What is left comes again: from the last commit, to whoever is given the partition.
    this.partitions = new Map();
    this.committed = new Map();
    this.lanes.clear();
  }

  private joined(partitions: readonly number[]): void {
    this.committed = new Map();
    this.lanes.clear();
    const ours = new Map(partitions.map((partition) => [partition, this.intake(partition)]));
    this.partitions = ours;
    // What the owner before us parked must be known before anything is handed out.
    throughOutages(async () => {
      const last = await this.context.store.lastPosition();
      for (const intake of ours.values()) intake.bringsAllAfter(last);
      await this.parked.catchUp();
    }, this.context.outage)
      .then(() => {
        if (this.partitions !== ours || this.context.outage.closing.aborted) return;
        this.lanes.resume();
        this.replayer.look();
      })
      .catch((error: unknown) => this.failed(error));
  }

  private intake(partition: number): PartitionIntake {
    return new PartitionIntake(partition, {
      types: this.types,
      restore: this.context.restore,
      readMissing: (stream, from, count) =>
        this.throughOutages(() => this.context.store.readStream(stream, from, count)),
      add: (delivery) => this.lanes.add(delivery.key, delivery),
      onMoved: () => this.moved(),
      onForeign: (offset) =>
        this.context.onTrouble(new Error(`message ${offset} of partition ${partition} is none of ours: passed over`)),
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

  private moved(): void {
    const { commitEvery, commitEveryMs, outage } = this.context;
    this.steps += 1;
    if (outage.closing.aborted) return;
    if (this.steps >= commitEvery) void this.commit();
    else this.timer ??= setTimeout(() => void this.commit(), commitEveryMs).unref();
  }

  /** One at a time. What could not be said is said with the next, or delivered again. */
  private commit(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.steps = 0;
    this.committing = this.committing.then(() => this.commitNow());
    return this.committing;
  }

  private async commitNow(): Promise<void> {
    const { partitions, committed } = this;
    const offsets = new Map<number, number>();
    for (const [partition, { next }] of partitions)
      if (next !== undefined && next > (committed.get(partition) ?? -1)) offsets.set(partition, next);
    if (offsets.size === 0 || !this.member.isMember) return;
    try {
      await this.member.commit(offsets);
      for (const [partition, next] of offsets) committed.set(partition, next);
    } catch (error) {
      this.context.onTrouble(error as Error);
      if (this.partitions === partitions) this.moved();
    }
  }

  private failed(error: unknown): void {
    const isEnd = error instanceof TransientError && this.context.outage.closing.aborted;
    if (!isEnd) this.context.onFailure(this.name, error);
  }
}
