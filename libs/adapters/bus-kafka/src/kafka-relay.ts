import { CheckpointTopic } from './checkpoint-topic.ts';
import type { ExtraHeaders } from './event-message.ts';
import { kafkaOf, type KafkaSettings } from './kafka-connection.ts';
import { openPublisher } from './publisher.ts';
import { Relay, type RelayOptions } from './relay.ts';
import { ensureTopics, topicsOf } from './topics.ts';

export type KafkaRelayOptions = Omit<RelayOptions, 'checkpoints' | 'openPublisher'> & {
  kafka: KafkaSettings;
  /** More headers for each event, for example of a trace. */
  headers?: ExtraHeaders;
};

/** Where a relay to Kafka publishes and keeps how far it is; the topics are made when they do not exist. */
export const kafkaOutlet = (
  settings: KafkaSettings,
  headers?: ExtraHeaders,
): Pick<RelayOptions, 'checkpoints' | 'openPublisher'> => {
  const kafka = kafkaOf(settings);
  const { events, checkpoints } = topicsOf(settings);
  const topic = new CheckpointTopic(kafka, checkpoints);
  return {
    checkpoints: {
      load: async (name) => {
        await ensureTopics(kafka, settings);
        return topic.load(name);
      },
      save: (checkpoint) => topic.save(checkpoint),
      close: () => topic.close(),
    },
    openPublisher: () => openPublisher(kafka, events, headers),
  };
};

export const createKafkaRelay = ({ kafka, headers, ...options }: KafkaRelayOptions): Relay =>
  new Relay({ ...options, ...kafkaOutlet(kafka, headers) });
