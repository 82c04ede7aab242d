import { PermanentError, type EventToAppend, type ExpectedRevision } from '@foldline/kernel';
import type { LogRecord } from './record.ts';

/** Larger payloads belong into the object store, with their digest in the event. Bytes of JSON. */
export const MAXIMUM_EVENT_BYTES = 1024 * 1024;
/** What one append may hold: events, and bytes of JSON. */
export const MAXIMUM_APPEND_EVENTS = 20_000;
export const MAXIMUM_APPEND_BYTES = 32 * 1024 * 1024;
/** Characters in a stream name, an id or a type. */
const MAXIMUM_NAME = 512;

/** An event on its way to the writer: plain values only, so that crossing to its thread is cheap. */
export type EncodedEvent = Pick<LogRecord, 'id' | 'type' | 'version' | 'data' | 'causation' | 'correlation' | 'actor'>;

export type AppendRequest = {
  /** Names the request in the reply. */
  key: number;
  stream: string;
  expected: ExpectedRevision;
  recordedAt: string;
  events: EncodedEvent[];
  /** Characters of all data together. */
  size: number;
};

/** Turns an append into a request, or throws `PermanentError` for what can never be stored. */
export const encodeAppend = (
  key: number,
  stream: string,
  events: readonly EventToAppend[],
  expected: ExpectedRevision,
  recordedAt: string,
): AppendRequest => {
  checkName('stream', stream);
  if (!Number.isSafeInteger(expected) || expected < -1) throw new PermanentError(`${expected} is not a revision`);
  if (events.length === 0) throw new PermanentError(`nothing to append to ${stream}`);
  if (events.length > MAXIMUM_APPEND_EVENTS) {
    throw new PermanentError(`${events.length} events for ${stream} exceed ${MAXIMUM_APPEND_EVENTS} in one append`);
  }
  const encoded = events.map(encodeEvent);
  if (new Set(encoded.map(({ id }) => id)).size !== encoded.length) {
    throw new PermanentError(`an append to ${stream} holds the same event id twice`);
  }
  const size = encoded.reduce((sum, { data }) => sum + data.length, 0);
  if (size > MAXIMUM_APPEND_BYTES) {
    throw new PermanentError(`append too large: ${size} bytes for ${stream} exceed ${MAXIMUM_APPEND_BYTES}`);
  }
  return { key, stream, expected, recordedAt, events: encoded, size };
};

const encodeEvent = (event: EventToAppend): EncodedEvent => {
  checkName('id', event.id);
  checkName('type', event.type);
  checkName('causation id', event.causationId);
  checkName('correlation id', event.correlationId);
  if (!Number.isSafeInteger(event.version)) throw new PermanentError(`${event.type} has no version`);
  return {
    id: event.id,
    type: event.type,
    version: event.version,
    data: encodeData(event),
    causation: event.causationId,
    correlation: event.correlationId,
    actor: JSON.stringify({ kind: event.actor.kind, id: event.actor.id }),
  };
};

const encodeData = ({ type, data }: EventToAppend): string => {
  const json = JSON.stringify(data) as string | undefined;
  if (json === undefined) throw new PermanentError(`the data of ${type} has no JSON form`);
  // A character takes up to three bytes of UTF-8, so short texts need no counting.
  if (json.length * 3 > MAXIMUM_EVENT_BYTES && Buffer.byteLength(json) > MAXIMUM_EVENT_BYTES) {
    throw new PermanentError(`event too large: ${type} has ${Buffer.byteLength(json)} of ${MAXIMUM_EVENT_BYTES} bytes`);
  }
  return json;
};

// Control characters and lone surrogates would not come back from the database as they were written.
const UNSTORABLE = /[\p{Cc}\p{Cs}]/u;

const checkName = (what: string, name: string): void => {
  if (name.length === 0 || name.length > MAXIMUM_NAME || UNSTORABLE.test(name)) {
    throw new PermanentError(`the ${what} is not 1 to ${MAXIMUM_NAME} printable characters`);
  }
};
