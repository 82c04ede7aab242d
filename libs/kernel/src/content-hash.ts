import { createHash } from 'node:crypto';
import type { RecordedEvent } from '@foldline/contracts';

/** What an event says and where in its stream it stands, without what each store gives itself: its position and time. */
export type EventContent = Omit<RecordedEvent, 'position' | 'recordedAt'>;

/**
 * SHA-256 (hex) over an event's content, chained to the hash of the event before it in the stream; the first has none.
 * The same in every store that holds the same stream. Each part carries its length, so no two contents read the same.
 */
export const contentHash = (event: EventContent, previous = ''): string => {
  const parts = [
    previous,
    event.stream,
    event.revision,
    event.id,
    event.type,
    event.version,
    JSON.stringify(event.data),
    event.causationId,
    event.correlationId,
    event.actor.kind,
    event.actor.id,
  ];
  let text = '';
  for (const part of parts) {
    const field = String(part);
    text += `${field.length}:${field}`;
  }
  return createHash('sha256').update(text).digest('hex');
};

/**
 * The hash of a stream up to its last event given: equal in two stores exactly when they hold the same events of it.
 * A long stream can be hashed page by page, each with the hash of the page before it.
 */
export const streamHash = (events: Iterable<EventContent>, previous = ''): string => {
  let hash = previous;
  for (const event of events) hash = contentHash(event, hash);
  return hash;
};
