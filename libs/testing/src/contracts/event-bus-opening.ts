import type { RecordedEvent } from '@foldline/contracts';
import type { EventBus, EventStore } from '@foldline/kernel';

export type EventBusOptions = {
  /** What a group is given of each event; each of them once when absent. */
  deliveries?: (event: RecordedEvent) => readonly RecordedEvent[];
};

export type EventBusFixture = {
  store: EventStore;
  /** A bus over the store that retries three times with pauses of a few milliseconds. */
  open(options?: EventBusOptions): Promise<EventBus>;
  close(): Promise<void>;
};
