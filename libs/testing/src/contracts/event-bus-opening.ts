import type { RecordedEvent } from '@foldline/contracts';
import type { EventBus, EventStore } from '@foldline/kernel';

/** A try to handle an event that failed; `retryMs` is absent where the event was parked. */
export type ToldFailure = {
  group: string;
  key: string;
  event: { id: string; stream: string; data?: unknown };
  error: unknown;
  tries: number;
  attempts: number;
  retryMs?: number;
};

export type EventBusOptions = {
  /** What a group is given of each event; each of them once when absent. */
  deliveries?: (event: RecordedEvent) => readonly RecordedEvent[];
  onHandlingFailure?: (failure: ToldFailure) => void;
};

export type EventBusFixture = {
  store: EventStore;
  /** A bus over the store that retries three times with pauses of a few milliseconds. */
  open(options?: EventBusOptions): Promise<EventBus>;
  close(): Promise<void>;
};
