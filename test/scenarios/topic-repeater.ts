import type { Consumer, EachMessagePayload, Producer } from 'kafkajs';
import { until, type Cluster } from '@foldline/client';
import { createRandom } from '../faults/lib/random.mjs';
import { caughtUp, openKafka, topicOf } from './topic.ts';

const LATEST_MS = 3_000;
const REPEATED_MS = 120_000;

/** Publishes every message of a cluster's topic of events once more, up to some seconds later. */
export class TopicRepeater {
  private readonly seen = new Set<string>();
  private readonly repeated = new Set<string>();
  private readonly random;

  private constructor(
    private readonly cluster: Cluster,
    private readonly consumer: Consumer,
    private readonly producer: Producer,
    seed: number,
  ) {
    this.random = createRandom(seed, 'topic');
  }

  static async start(cluster: Cluster, seed: number): Promise<TopicRepeater> {
    const kafka = openKafka();
    const consumer = kafka.consumer({ groupId: `repeater-of-${cluster.namespace}` });
    const producer = kafka.producer({ idempotent: false });
    const repeater = new TopicRepeater(cluster, consumer, producer, seed);
    await Promise.all([consumer.connect(), producer.connect()]);
    await consumer.subscribe({ topic: topicOf(cluster), fromBeginning: true });
    await consumer.run({ eachMessage: async (payload) => repeater.see(payload) });
    return repeater;
  }

  /** Resolves when every one of these events, and all others that came, stand in the topic again and were taken from it. */
  async hasRepeated(ids: readonly string[]): Promise<void> {
    await until(
      `${ids.length} events to be published again`,
      () => ids.every((id) => this.seen.has(id)) && this.seen.size === this.repeated.size,
      REPEATED_MS,
    );
    await caughtUp(this.cluster);
  }

  async stop(): Promise<void> {
    await this.consumer.disconnect();
    await until('what is under way to be published', () => this.seen.size === this.repeated.size, REPEATED_MS);
    await this.producer.disconnect();
  }

  private see({ partition, message: { key, value, headers = {} } }: EachMessagePayload): void {
    const id = String(headers['eventId']);
    if (headers['repetition'] !== undefined || this.seen.has(id)) return;
    this.seen.add(id);
    const message = { partition, key, value, headers: { ...headers, repetition: 'yes' } };
    setTimeout(
      () =>
        void this.producer
          .send({ topic: topicOf(this.cluster), acks: -1, messages: [message] })
          .then(() => this.repeated.add(id)),
      this.random.between(0, LATEST_MS),
    );
  }
}
