export { type RelayCheckpoint, type RelayCheckpoints } from './checkpoint-topic.ts';
export { type ExtraHeaders } from './event-message.ts';
export { KafkaBus, createKafkaBus, type KafkaBusOptions } from './kafka-bus.ts';
export { type KafkaLog, type KafkaSasl, type KafkaSettings, type KafkaTls } from './kafka-connection.ts';
export { createKafkaRelay, kafkaOutlet, type KafkaRelayOptions } from './kafka-relay.ts';
export { type BusLag, type PartitionLag, type RelayLag } from './lag.ts';
export { PARKED_CATEGORY } from './parked.events.ts';
export { type Publisher } from './publisher.ts';
export { Relay, type RelayOptions } from './relay.ts';
