export {
  EmbeddedEventStore,
  openEmbeddedEventStore,
  type EmbeddedEventStoreOptions,
  type Verified,
} from './embedded-event-store.ts';
export { MAXIMUM_APPEND_BYTES, MAXIMUM_APPEND_EVENTS, MAXIMUM_EVENT_BYTES } from './append-request.ts';
