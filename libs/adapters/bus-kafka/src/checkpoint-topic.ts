import { randomUUID } from 'node:crypto';
import { Partitioners, type Consumer, type Kafka, type Producer } from 'kafkajs';
import { TransientError } from '@foldline/kernel';
import { brokenKafka, endClient } from './kafka-failure.ts';
import { withAdmin } from './topics.ts';

/** How far a relay is: every event of its categories up to the position is safe in the topic. */
export type RelayCheckpoint = { name: string; categories: readonly string[]; position: number; savedAt: string };

/** Where relays keep how far they are. */
export interface RelayCheckpoints {
  /** `undefined` when the relay has never saved one. */
  load(name: string): Promise<RelayCheckpoint | undefined>;
  save(checkpoint: RelayCheckpoint): Promise<void>;
  close(): Promise<void>;
}

const JOINING_TIMEOUT_MS = 30_000;

/** Keeps checkpoints in a compacted topic, next to what they are about: whoever has the one has the other. */
export class CheckpointTopic implements RelayCheckpoints {
  private producer: Promise<Producer> | undefined;

  constructor(
    private readonly kafka: Kafka,
    private readonly topic: string,
  ) {}

  async load(name: string): Promise<RelayCheckpoint | undefined> {
    const reader = await CheckpointReader.open(this.kafka, this.topic);
    await reader.close();
    return reader.checkpoints.get(name);
  }

  async save(checkpoint: RelayCheckpoint): Promise<void> {
    try {
      this.producer ??= this.connect();
      const producer = await this.producer;
      const messages = [{ key: checkpoint.name, value: JSON.stringify(checkpoint) }];
      await producer.send({ topic: this.topic, acks: -1, messages });
    } catch (error) {
      await this.close();
      throw brokenKafka(error);
    }
  }

  async close(): Promise<void> {
    const closing = this.producer;
    this.producer = undefined;
    // One that never came about has nothing to be ended; its failure was told to whoever saved.
    await endClient(async () => (await closing)?.disconnect());
  }

  private async connect(): Promise<Producer> {
    const producer = this.kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    return producer;
  }
}

/** Reads every checkpoint and stays current until it is closed. */
export class CheckpointReader {
  readonly checkpoints = new Map<string, RelayCheckpoint>();
  private readonly consumer: Consumer;

  private constructor(
    private readonly kafka: Kafka,
    private readonly topic: string,
    private readonly group: string,
  ) {
    this.consumer = kafka.consumer({ groupId: group, maxWaitTimeInMs: 250, allowAutoTopicCreation: false });
  }

  /** Resolves when everything that was there has been read. */
  static async open(kafka: Kafka, topic: string): Promise<CheckpointReader> {
    const reader = new CheckpointReader(kafka, topic, `${topic}.reader.${randomUUID()}`);
    try {
      await reader.readToEnd();
    } catch (error) {
      await reader.close();
      throw brokenKafka(error);
    }
    return reader;
  }

  async close(): Promise<void> {
    await endClient(() => this.consumer.disconnect());
    try {
      await withAdmin(this.kafka, (admin) => admin.deleteGroups([this.group]));
    } catch (error) {
      // The broker forgets an empty group without offsets by itself; this only tidies up sooner.
      if (!(error instanceof TransientError)) throw error;
    }
  }

  private async readToEnd(): Promise<void> {
    const [offsets] = await withAdmin(this.kafka, (admin) => admin.fetchTopicOffsets(this.topic));
    const last = Number(offsets?.high ?? 0) - 1;
    const isEmpty = Number(offsets?.low ?? 0) > last;
    await this.consumer.connect();
    await this.consumer.subscribe({ topic: this.topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const late = (): void => reject(new TransientError('the checkpoints could not be read in time'));
      const timer = setTimeout(late, JOINING_TIMEOUT_MS).unref();
      const ended = (error?: Error): void => {
        clearTimeout(timer);
        if (error) reject(error);
        else resolve();
      };
      this.consumer.on(this.consumer.events.CRASH, ({ payload }) => ended(payload.error));
      this.consumer
        .run({
          autoCommit: false,
          eachBatch: async ({ batch }) => {
            for (const { value } of batch.messages) this.take(value);
            if (Number(batch.lastOffset()) >= last) ended();
          },
        })
        .then(() => (isEmpty ? ended() : undefined), ended);
    });
  }

  private take(value: Buffer | null): void {
    if (!value) return;
    const checkpoint = JSON.parse(value.toString()) as RelayCheckpoint;
    const known = this.checkpoints.get(checkpoint.name);
    // Two relays may lead for a while. Each says only what is true, so the one that is further is right.
    if (!known || known.position <= checkpoint.position) this.checkpoints.set(checkpoint.name, checkpoint);
  }
}
