import type { RecordedEvent } from '@foldline/contracts';
import type { HandlingFailure, Retry } from '@foldline/delivery';
import type { EventStore } from '@foldline/kernel';
import type { MemberTimings } from './group-member.ts';
import type { KafkaSettings } from './kafka-connection.ts';

export type KafkaBusOptions = {
  kafka: KafkaSettings;
  /** For what was lost on the way, and for what is parked: the log as it is stored, references stay references. */
  store: EventStore;
  /** Puts large data back into an event whose data is a reference to it. */
  restore?: (event: RecordedEvent) => Promise<RecordedEvent>;
  /** RFC 3339 in UTC. */
  now: () => string;
  /** Must end, in whatever way, soon after the signal aborts. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  retry?: Partial<Retry>;
  timings?: MemberTimings;
  commitEveryMs?: number;
  /** How long running handlers are waited for when partitions change hands; 5 s when absent. */
  drainMs?: number;
  /** How long `parked.replay` waits for the member that carries it out; 30 s when absent. */
  replayTimeoutMs?: number;
  /** How often a sample of the log is compared with what has arrived; 5 min when absent. */
  auditEveryMs?: number;
  /** Told of events that Kafka had acknowledged and has lost; they have been published again. */
  onLost?: (events: readonly RecordedEvent[]) => void;
  /** Told of each time that an event could not be handled, for the log. */
  onHandlingFailure?: (failure: HandlingFailure) => void;
  /** Told of every failure that the bus goes on from by itself, for the log. */
  onTrouble?: (error: Error) => void;
  /**
   * Told when a group stops because the store is damaged or the topic is not as it must be. Without it the error ends
   * the process: a group that silently stands still would be worse.
   */
  onFailure?: (group: string, error: unknown) => void;
};
