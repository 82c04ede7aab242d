import { Kafka, logLevel } from 'kafkajs';
import { SERVER_PORTS } from './places.mjs';

const READER = /\.checkpoints\.v1\.reader\./;
const LATEST_MS = 8_000;

/**
 * Watches the topic of events as a client of its own, and publishes some of what it sees once more, later: repeated
 * and out of order, as relays do that were cut off and come back.
 */
export class Disorder {
  /** Every message that was in the topic, in the order of its partition; those that were put there by this are told apart. */
  messages = [];
  repeated = 0;
  #kafka;
  #consumer;
  #producer;
  #timers = new Set();
  #on = false;

  constructor({ namespace, random, probability, onMessage }) {
    Object.assign(this, { topic: `${namespace}.events.v1`, namespace, random, probability, onMessage });
    this.#kafka = new Kafka({
      brokers: [`127.0.0.1:${SERVER_PORTS.kafka}`],
      clientId: 'chaos',
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 200, maxRetryTime: 1_000, retries: 1_000 },
    });
  }

  async start() {
    this.#consumer = this.#kafka.consumer({
      groupId: `chaos-of-${this.namespace}`,
      sessionTimeout: 10_000,
      retry: { restartOnFailure: async () => true },
    });
    this.#producer = this.#kafka.producer({ idempotent: false });
    await Promise.all([this.#consumer.connect(), this.#producer.connect()]);
    await this.#consumer.subscribe({ topic: this.topic, fromBeginning: true });
    await this.#consumer.run({ eachMessage: async ({ partition, message }) => this.#see(partition, message) });
  }

  strike(on) {
    this.#on = on;
    if (on) return;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  /** What each group has still to handle, by its name within the namespace. */
  async lags() {
    const admin = this.#kafka.admin();
    await admin.connect();
    try {
      const ends = new Map(
        (await admin.fetchTopicOffsets(this.topic)).map((each) => [each.partition, Number(each.high)]),
      );
      const { groups } = await admin.listGroups();
      const lags = {};
      // Those who read the relays' checkpoints handle no events.
      const ofEvents = groups.filter(
        ({ groupId }) => groupId.startsWith(`${this.namespace}.`) && !READER.test(groupId),
      );
      for (const { groupId } of ofEvents) {
        const [known] = await admin.fetchOffsets({ groupId, topics: [this.topic] });
        const done = new Map((known?.partitions ?? []).map(({ partition, offset }) => [partition, Number(offset)]));
        lags[groupId.slice(this.namespace.length + 1)] = [...ends].reduce(
          (sum, [partition, end]) => sum + Math.max(0, end - Math.max(0, done.get(partition) ?? 0)),
          0,
        );
      }
      const seen = new Map();
      for (const { partition, offset } of this.messages) seen.set(partition, offset + 1);
      lags['(watcher)'] = [...ends].reduce((sum, [partition, end]) => sum + end - (seen.get(partition) ?? 0), 0);
      return lags;
    } finally {
      await admin.disconnect();
    }
  }

  async close() {
    this.strike(false);
    await Promise.allSettled([this.#consumer?.disconnect(), this.#producer?.disconnect()]);
  }

  #see(partition, { key, value, headers, offset }) {
    const last = this.messages.findLast((each) => each.partition === partition);
    if (last && Number(offset) <= last.offset) return;
    const text = (name) => headers[name]?.toString();
    const repetition = headers.repetition !== undefined;
    this.messages.push({
      partition,
      offset: Number(offset),
      key: key?.toString(),
      eventId: text('eventId'),
      stream: text('stream'),
      revision: Number(text('revision')),
      type: text('type'),
      repetition,
    });
    this.onMessage(text('eventId'));
    if (repetition || !this.#on || !this.random.chance(this.probability)) return;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        void this.#repeat({ partition, key, value, headers: { ...headers, repetition: 'yes' } });
      },
      this.random.between(0, LATEST_MS),
    );
    this.#timers.add(timer);
  }

  async #repeat(message) {
    try {
      await this.#producer.send({ topic: this.topic, acks: -1, messages: [message] });
      this.repeated += 1;
    } catch (error) {
      // Kafka is struck just now: what was to be repeated is not, and nothing depends on it.
      if (error.name === undefined) throw error;
    }
  }
}
