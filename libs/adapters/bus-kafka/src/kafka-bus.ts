import { setMaxListeners } from 'node:events';
import type { Kafka } from 'kafkajs';
import { SERVICES } from '@foldline/contracts';
import { DEFAULT_RETRY, type Outage } from '@foldline/delivery';
import {
  PermanentError,
  TransientError,
  type EventBus,
  type EventHandler,
  type SubscribeOptions,
} from '@foldline/kernel';
import type { KafkaBusOptions } from './kafka-bus-options.ts';
import { ArrivalAudit } from './arrival-audit.ts';
import { CheckpointReader } from './checkpoint-topic.ts';
import { ConsumerGroup, type GroupContext } from './consumer-group.ts';
import { kafkaOf } from './kafka-connection.ts';
import { groupLags, relayLags, type BusLag, type RelayLag } from './lag.ts';
import { ParkedLogs } from './parked-logs.ts';
import { beginAtEnd, groupsBegunNow } from './own-groups.ts';
import { readyGroup } from './ready-group.ts';
import { ensureTopics, prefixOf, topicsOf, type Topics } from './topics.ts';

const CONCURRENCY = 32;
const COMMIT_EVERY = 500;
const LOOK_EVERY_MS = 20;
const AUDIT_EVERY_MS = 5 * 60_000;

/**
 * The event bus on Kafka: one topic of events in the order of their keys, a consumer group per service. What is done is
 * committed after its effect and only when everything before it in the partition is done too, so whatever ends a member
 * repeats events and skips none.
 */
export class KafkaBus implements EventBus {
  readonly parked: ParkedLogs;
  private readonly kafka: Kafka;
  private readonly topics: Topics;
  private readonly stopping = new AbortController();
  private readonly groups = new Map<string, Promise<void>>();
  private readonly failures = new Map<string, Error>();
  private readonly context: GroupContext;
  private checkpoints: Promise<CheckpointReader> | undefined;
  private readonly audit: ArrivalAudit;
  private auditing: Promise<void> | undefined;
  private closing: Promise<void> | undefined;

  constructor(private readonly options: KafkaBusOptions) {
    // Every pause of every key listens to it.
    setMaxListeners(0, this.stopping.signal);
    const { store, now, retry, timings = {}, commitEveryMs = 200, drainMs = 5_000 } = options;
    this.kafka = kafkaOf(options.kafka);
    this.topics = topicsOf(options.kafka);
    const outage: Outage = {
      retry: { ...DEFAULT_RETRY, ...retry },
      pause: (ms) => this.pause(ms),
      closing: this.stopping.signal,
    };
    this.context = {
      kafka: this.kafka,
      topics: this.topics,
      store,
      restore: options.restore ?? (async (event) => event),
      outage,
      now,
      timings,
      commitEveryMs,
      commitEvery: COMMIT_EVERY,
      drainMs,
      onTrouble: (error) => options.onTrouble?.(error),
      onHandlingFailure: (failure) => options.onHandlingFailure?.(failure),
      onFailure: (group, error) => this.failed(group, error),
    };
    this.audit = new ArrivalAudit({
      kafka: this.kafka,
      topics: this.topics,
      store,
      checkpoints: async () => (await this.reader()).checkpoints.values(),
      onLost: (events) => options.onLost?.(events),
      pause: () => this.pause(options.auditEveryMs ?? AUDIT_EVERY_MS),
      closing: this.stopping.signal,
      onTrouble: this.context.onTrouble,
      onFailure: (error) => this.failed('audit', error),
    });
    this.parked = new ParkedLogs({
      store,
      groups: SERVICES,
      otherGroups: () => groupsBegunNow(this.kafka, prefixOf(options.kafka)),
      replayTimeoutMs: options.replayTimeoutMs ?? 30_000,
      outage,
      onFailure: (error) => this.failed('parked', error),
    });
  }

  /**
   * Lets a new group begin with what is published from now on; one that has begun goes on where it is. For a group of a
   * single process that must see every event and has no use for those of before its time. Its name is a service's, a
   * dot, and the process's own. To be called before `subscribe`.
   */
  async beginNow(group: string): Promise<void> {
    this.assertOpen();
    const { events } = await ensureTopics(this.kafka, this.options.kafka);
    await beginAtEnd(this.kafka, events, this.groupId(group));
  }

  /** Answers at once; the group takes events as soon as Kafka can be reached. */
  async subscribe(group: string, handler: EventHandler, options: SubscribeOptions = {}): Promise<void> {
    this.assertOpen();
    if (this.groups.has(group)) throw new PermanentError(`the consumer group ${group} has subscribed already`);
    const parked = this.parked.of(group);
    const groupOptions = { concurrency: CONCURRENCY, ...options, groupId: this.groupId(group) };
    const consumer = new ConsumerGroup(group, handler, groupOptions, parked, this.context);
    this.parked.follow();
    this.audit.add({
      group,
      groupId: groupOptions.groupId,
      misses: (...missed) => consumer.misses(...missed),
      handledUpTo: (position) => consumer.commits.handledUpTo(position),
    });
    this.auditing ??= this.audit.run();
    this.groups.set(group, this.run(group, consumer));
  }

  /**
   * Resolves when every relay has published what it has up to the position, and the group has committed all of it. Asks
   * Kafka again and again: for tests and tools.
   */
  async handled(group: string, position: number, signal?: AbortSignal): Promise<void> {
    await this.until(group, signal, async () => this.isPublished(position));
    let ends: Map<number, number> | undefined;
    await this.until(group, signal, async () => {
      const lags = await this.lagOf(group);
      ends ??= new Map(lags.map(({ partition, end }) => [partition, end]));
      return lags.every(({ partition, committed }) => committed >= ends!.get(partition)!);
    });
  }

  /** How far the groups are behind the topic, and the relays behind the log. Throws `TransientError` without Kafka. */
  async lag(groups: readonly string[] = [...this.groups.keys()]): Promise<BusLag> {
    this.assertOpen();
    const named = groups.map((group) => ({ group, groupId: this.groupId(group) }));
    return { groups: await groupLags(this.kafka, this.topics, named), relays: await this.relays() };
  }

  /** How far the relays are behind the log, all or those named; while Kafka is away, by what was known of them before. */
  async relays(names?: readonly string[]): Promise<RelayLag[]> {
    this.assertOpen();
    const known = [...(await this.reader()).checkpoints.values()];
    return relayLags(this.options.store, names ? known.filter(({ name }) => names.includes(name)) : known);
  }

  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private async shutDown(): Promise<void> {
    this.stopping.abort();
    await Promise.all([...this.groups.values(), this.auditing]);
    await this.parked.idle();
    const [reader] = await Promise.allSettled([this.checkpoints]);
    if (reader.status === 'fulfilled') await reader.value?.close();
  }

  private async run(group: string, consumer: ConsumerGroup): Promise<void> {
    const { outage, onTrouble } = this.context;
    try {
      const { kafka } = this;
      await readyGroup({ kafka, settings: this.options.kafka, commits: consumer.commits, outage, onTrouble });
      await consumer.run();
    } catch (error) {
      this.context.onFailure(group, error);
    }
  }

  private async reader(): Promise<CheckpointReader> {
    this.checkpoints ??= ensureTopics(this.kafka, this.options.kafka).then(({ checkpoints }) =>
      CheckpointReader.open(this.kafka, checkpoints),
    );
    try {
      return await this.checkpoints;
    } catch (error) {
      this.checkpoints = undefined;
      throw error;
    }
  }

  private async lagOf(group: string) {
    const [lag] = await groupLags(this.kafka, this.topics, [{ group, groupId: this.groupId(group) }]);
    return lag!.partitions;
  }

  private async isPublished(position: number): Promise<boolean> {
    const { store } = this.options;
    if ((await store.lastPosition()) < position) return false;
    const { checkpoints } = await this.reader();
    const relays = await relayLags(store, checkpoints.values());
    return relays.length > 0 && relays.every(({ oldest }) => oldest === undefined || oldest.position > position);
  }

  /** Asks until it is so. What Kafka or the store cannot tell now is asked again. */
  private async until(group: string, signal: AbortSignal | undefined, met: () => Promise<boolean>): Promise<void> {
    for (;;) {
      this.assertOpen();
      signal?.throwIfAborted();
      const failure = this.failures.get(group);
      if (failure) throw failure;
      try {
        if (await met()) return;
      } catch (error) {
        if (!(error instanceof TransientError)) throw error;
      }
      await this.pause(LOOK_EVERY_MS);
    }
  }

  private async pause(ms: number): Promise<void> {
    try {
      await this.options.sleep(ms, this.stopping.signal);
    } catch (error) {
      if (!this.stopping.signal.aborted) throw error;
    }
  }

  private failed(group: string, error: unknown): void {
    this.failures.set(group, error instanceof Error ? error : new PermanentError(String(error)));
    (this.options.onFailure ?? endProcess)(group, error);
  }

  private groupId(group: string): string {
    return `${prefixOf(this.options.kafka)}${group}`;
  }

  private assertOpen(): void {
    if (this.closing) throw new PermanentError('the bus is closed');
  }
}

const endProcess = (_group: string, error: unknown): void => {
  setImmediate(() => {
    throw error;
  });
};

export const createKafkaBus = async (options: KafkaBusOptions): Promise<KafkaBus> => new KafkaBus(options);
