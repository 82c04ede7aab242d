export { EmbeddedEventStore, openEmbeddedEventStore, type EmbeddedEventStoreOptions } from './embedded-event-store.ts';
export { MAXIMUM_APPEND_BYTES, MAXIMUM_APPEND_EVENTS, MAXIMUM_EVENT_BYTES } from './append-request.ts';
export { openEventLogForReading, type EventLogForReading } from './event-log-for-reading.ts';
export type { Verified } from './verify-log.ts';
