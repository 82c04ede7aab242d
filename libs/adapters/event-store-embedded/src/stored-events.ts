import type { Actor, RecordedEvent } from '@foldline/contracts';
import type { AppendRequest } from './append-request.ts';

/**
 * The events of a stored request, as a reader will see them. Made from their JSON, so what the appender does with its
 * objects afterwards changes nothing.
 */
export const eventsOf = (
  { stream, recordedAt, events }: AppendRequest,
  last: { revision: number; position: number },
): RecordedEvent[] => {
  const before = events.length - 1;
  return events.map((event, n) => ({
    type: event.type,
    version: event.version,
    data: JSON.parse(event.data) as unknown,
    id: event.id,
    stream,
    revision: last.revision - before + n,
    position: last.position - before + n,
    causationId: event.causation,
    correlationId: event.correlation,
    actor: JSON.parse(event.actor) as Actor,
    recordedAt,
  }));
};
