import { Partitioners, type Kafka, type Producer } from 'kafkajs';
import type { Outgoing, ExtraHeaders } from './event-message.ts';
import { toMessage } from './event-message.ts';
import { brokenKafka, endClient } from './kafka-failure.ts';

/** Where a relay puts events. */
export interface Publisher {
  /** Resolves when every event is safe in the topic, in this order per key; after a failure it must not be used again. */
  publish(batch: readonly Outgoing[]): Promise<void>;
  /** Never fails: whatever it was still to publish is published again by the next. */
  close(): Promise<void>;
}

/**
 * An idempotent producer: acknowledged by every replica in sync, one request at a time, because the client keeps
 * order and counts of an idempotent producer only then (kafkajs #598, #980).
 */
export const openPublisher = async (kafka: Kafka, topic: string, extra?: ExtraHeaders): Promise<Publisher> => {
  const producer: Producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  try {
    await producer.connect();
  } catch (error) {
    await endClient(() => producer.disconnect());
    throw brokenKafka(error);
  }
  return {
    publish: async (batch) => {
      try {
        await producer.send({ topic, acks: -1, messages: batch.map((outgoing) => toMessage(outgoing, extra)) });
      } catch (error) {
        throw brokenKafka(error);
      }
    },
    close: async () => {
      await endClient(() => producer.disconnect());
    },
  };
};
