import { PartitionAssigners, type Consumer, type Kafka, type KafkaMessage, type PartitionAssigner } from 'kafkajs';
import { RECONNECT, Tries } from '@foldline/delivery';
import { TransientError } from '@foldline/kernel';
import { brokenKafka, endClient } from './kafka-failure.ts';

export type MemberTimings = {
  /** A member that is silent for longer loses its partitions; 30 s when absent. */
  sessionTimeoutMs?: number;
  /** How long the group waits for a member when partitions move; 60 s when absent. */
  rebalanceTimeoutMs?: number;
  heartbeatMs?: number;
};

export type MemberOptions = MemberTimings & {
  kafka: Kafka;
  groupId: string;
  topic: string;
  pause: (ms: number) => Promise<void>;
  closing: AbortSignal;
  /** Awaited before partitions change hands; whatever is left undone then is delivered again, here or elsewhere. */
  beforeJoin: () => Promise<void>;
  /** The partitions that are this member's from now on. */
  joined: (partitions: readonly number[]) => void;
  /** Must return at once. */
  take: (partition: number, messages: readonly KafkaMessage[]) => void;
  onTrouble: (error: Error) => void;
};

const MAXIMUM_BYTES_PER_PARTITION = 512 * 1024;
/** How long a fetch may wait for events; bounds how late a partition that was paused is asked for again. */
const FETCH_WAIT_MS = 250;
/** After a fetch that brought something, so that what comes singly under load is fetched together. */
const GATHER_MS = 15;

/** This process as a member of a consumer group. Whatever makes the client give up, it is made anew and joins again. */
export class GroupMember {
  private consumer: Consumer | undefined;
  /** The consumer once it has been given partitions; before, there is nothing that it could commit. */
  private member: Consumer | undefined;

  constructor(private readonly options: MemberOptions) {}

  /** Consumes until the signal aborts, then leaves the group. */
  async run(): Promise<void> {
    const { closing, onTrouble, pause } = this.options;
    let tries = new Tries(RECONNECT);
    const joined = (): void => {
      tries = new Tries(RECONNECT);
    };
    while (!closing.aborted) {
      try {
        await this.consume(joined);
      } catch (error) {
        const trouble = brokenKafka(error);
        onTrouble(trouble);
        await pause(tries.pauseAfter(new TransientError(trouble.message))!);
      }
    }
  }

  get isMember(): boolean {
    return this.member !== undefined;
  }

  /** Says how far the group is; `offsets` name the next message of each partition, and `remark` is kept with each. */
  async commit(offsets: ReadonlyMap<number, number>, remark?: string): Promise<void> {
    const { topic } = this.options;
    const metadata = remark ?? null;
    const commits = [...offsets].map(([partition, offset]) => ({ topic, partition, offset: String(offset), metadata }));
    try {
      await this.member?.commitOffsets(commits);
    } catch (error) {
      throw brokenKafka(error);
    }
  }

  pause(partition: number): void {
    this.consumer?.pause([{ topic: this.options.topic, partitions: [partition] }]);
  }

  resume(partition: number): void {
    this.consumer?.resume([{ topic: this.options.topic, partitions: [partition] }]);
  }

  async leave(): Promise<void> {
    const { consumer } = this;
    this.consumer = undefined;
    this.member = undefined;
    const trouble = await endClient(async () => consumer?.disconnect());
    if (trouble) this.options.onTrouble(trouble);
  }

  private async consume(onJoined: () => void): Promise<void> {
    const { topic, closing } = this.options;
    const consumer = this.create();
    this.consumer = consumer;
    const ended = new Promise<Error | undefined>((resolve) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.error));
      closing.addEventListener('abort', () => resolve(undefined), { once: true });
      if (closing.aborted) resolve(undefined);
    });
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      if (this.consumer !== consumer) return;
      this.member = consumer;
      onJoined();
      this.joined(payload.memberAssignment[topic] ?? []);
    });
    try {
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      let isFirst = false;
      consumer.on(consumer.events.FETCH, () => (isFirst = true));
      await consumer.run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          this.take(consumer, batch);
          // As long as this waits, no heartbeat goes out; so once for all partitions of a fetch.
          if (isFirst) await this.options.pause(GATHER_MS);
          isFirst = false;
        },
      });
      const crash = await ended;
      if (crash) throw crash;
    } catch (error) {
      await this.leave();
      throw error;
    }
  }

  private take(consumer: Consumer, batch: { partition: number; messages: readonly KafkaMessage[] }): void {
    if (this.consumer === consumer) this.options.take(batch.partition, batch.messages);
  }

  private joined(partitions: readonly number[]): void {
    for (const partition of partitions) this.resume(partition);
    this.options.joined(partitions);
  }

  private create(): Consumer {
    const { kafka, groupId, sessionTimeoutMs, rebalanceTimeoutMs, heartbeatMs } = this.options;
    return kafka.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs ?? 30_000,
      rebalanceTimeout: rebalanceTimeoutMs ?? 60_000,
      heartbeatInterval: heartbeatMs ?? 3_000,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      maxBytesPerPartition: MAXIMUM_BYTES_PER_PARTITION,
      allowAutoTopicCreation: false,
      partitionAssigners: [this.assigner],
      // A crash ends this client; `run` begins with a new one, whatever the reason was.
      retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 4, restartOnFailure: async () => false },
    });
  }

  /**
   * Kafkajs tells of a rebalance and joins again in the same breath. The one thing that it awaits before is to be told
   * who coordinates the group, so that is where running handlers are waited for.
   */
  private readonly assigner: PartitionAssigner = (config) => {
    const { cluster } = config;
    const find = cluster.findGroupCoordinator.bind(cluster);
    cluster.findGroupCoordinator = async (group) => {
      await this.options.beforeJoin();
      return find(group);
    };
    return PartitionAssigners.roundRobin(config);
  };
}
