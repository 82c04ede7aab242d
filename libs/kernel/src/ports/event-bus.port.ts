import type { RecordedEvent } from '@foldline/contracts';

export type EventHandler = (event: RecordedEvent) => Promise<void>;

export type SubscribeOptions = {
  /** Handlers that run at once; 32 when absent. */
  concurrency?: number;
  /** The event types the handler knows; all when absent. Others count as handled and cost next to nothing. */
  types?: readonly string[];
};

export type ParkedStream = {
  group: string;
  /** The order key whose events wait: a correlation id. */
  key: string;
  /** Position of the event that could not be handled; the later ones of the key wait behind it. */
  position: number;
  eventId: string;
  eventType: string;
  stream: string;
  error: string;
  attempts: number;
  parkedAt: string;
  waiting: number;
};

/**
 * Brings every event to every consumer group, at least once, in order per key (`correlationId`).
 *
 * - Events of different keys are handled side by side, up to the group's concurrency; those of one key never are.
 * - A handler that throws `TransientError` is called again with growing pauses until it succeeds; any other error is
 *   retried a few times and then parks the key: its later events wait in order, other keys flow on.
 * - The checkpoint moves only over events whose handlers are done, so a crash repeats and never skips.
 * - `close` stops taking events, lets running handlers finish and saves the checkpoint.
 */
export interface EventBus {
  subscribe(group: string, handler: EventHandler, options?: SubscribeOptions): Promise<void>;
  parked: ParkedStreams;
  /** Resolves when the group has handled everything up to the position. */
  handled(group: string, position: number, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface ParkedStreams {
  list(): Promise<ParkedStream[]>;
  /**
   * Hands the waiting events to the handler again, in order; what fails again stays parked. Where the group runs in
   * other processes one of them does it; when none has done so in time it is answered that the key is still parked, and
   * the wish stays.
   */
  replay(group: string, key: string): Promise<{ replayed: number; parked: boolean }>;
  /** Forgets the waiting events of one key. The caller records why. */
  discard(group: string, key: string): Promise<{ discarded: number }>;
}

/** Where consumers keep how far they are, and which keys are parked. */
export interface Checkpoints {
  load(consumer: string): Promise<number>;
  save(consumer: string, position: number): Promise<void>;
}

/**
 * Messages that are not history: runner heartbeats and the like. At most once, to whoever listens now. What cannot be
 * sent now is lost as well and `send` does not fail; it refuses with `PermanentError` what is too large or no JSON.
 */
export interface Signals {
  send(topic: string, message: unknown): Promise<void>;
  listen(topic: string, listener: (message: unknown) => void): () => void;
}
