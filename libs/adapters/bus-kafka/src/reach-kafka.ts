import { kafkaOf, type KafkaSettings } from './kafka-connection.ts';
import { ensureTopics } from './topics.ts';

/**
 * Reaches Kafka once and makes the topics that are missing. Throws `AccessDenied` when it does not let us in,
 * `TransientError` when it cannot be reached, `PermanentError` when its topics are not as they must be.
 */
export const reachKafka = async (settings: KafkaSettings): Promise<void> => {
  await ensureTopics(kafkaOf(settings), settings);
};
