import { jsonEvent, type AllStreamRecordedEvent, type EventData, type JSONType } from '@eventstore/db-client';
import type { Actor, RecordedEvent } from '@foldline/contracts';
import {
  contentHash,
  DamagedLog,
  PermanentError,
  type EventContent,
  type EventToAppend,
  type ExpectedRevision,
} from '@foldline/kernel';

/** Larger payloads belong into the object store, with their digest in the event. Bytes of JSON. */
export const MAXIMUM_EVENT_BYTES = 1024 * 1024;
/** Events in one append. Its bytes are limited by the server (1 MiB unless `MaxAppendSize` says otherwise). */
export const MAXIMUM_APPEND_EVENTS = 20_000;
/** Characters in a stream name, an id or a type. */
const MAXIMUM_NAME = 512;
const UNSTORABLE = /[\p{Cc}\p{Cs}]/u;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What lies beside the data; `$causationId` and `$correlationId` are the server's own names for them. */
type Metadata = {
  $causationId: string;
  $correlationId: string;
  actor: Actor;
  version: number;
  /** How many events of the same append follow this one. */
  more: number;
  /** `contentHash` of the event. */
  hash: string;
  /** Only where the event was recorded by another clock than the server's, before it came here. */
  recordedAt?: string;
};

/** The events of an append as the client takes them; throws `PermanentError` for what can never be stored. */
export const encodeAppend = (
  stream: string,
  events: readonly EventToAppend[],
  expected: ExpectedRevision,
  recordedAt?: string,
): EventData[] => {
  checkName('stream', stream);
  if (stream.startsWith('$')) throw new PermanentError(`${stream} is a stream of the server's own`);
  if (!Number.isSafeInteger(expected) || expected < -1) throw new PermanentError(`${expected} is not a revision`);
  if (events.length === 0) throw new PermanentError(`nothing to append to ${stream}`);
  if (events.length > MAXIMUM_APPEND_EVENTS) {
    throw new PermanentError(`${events.length} events for ${stream} exceed ${MAXIMUM_APPEND_EVENTS} in one append`);
  }
  if (new Set(events.map(({ id }) => id)).size !== events.length) {
    throw new PermanentError(`an append to ${stream} holds the same event id twice`);
  }
  return events.map((event, n) => encode(event, stream, expected + 1 + n, events.length - 1 - n, recordedAt));
};

const encode = (
  event: EventToAppend,
  stream: string,
  revision: number,
  more: number,
  recordedAt: string | undefined,
): EventData => {
  checkName('type', event.type);
  checkName('causation id', event.causationId);
  checkName('correlation id', event.correlationId);
  if (event.type.startsWith('$')) throw new PermanentError(`${event.type} is a type of the server's own`);
  if (!UUID.test(event.id)) throw new PermanentError(`the id of an event for ${stream} is not a UUID in lower case`);
  if (!Number.isSafeInteger(event.version)) throw new PermanentError(`${event.type} has no version`);
  // A copy: what the appender does with its objects afterwards changes nothing, also not in a second try.
  const data = JSON.parse(jsonOf(event)) as JSONType;
  const { id, type, version, causationId, correlationId } = event;
  const actor: Actor = { kind: event.actor.kind, id: event.actor.id };
  const content: EventContent = { id, type, version, data, stream, revision, causationId, correlationId, actor };
  const metadata: Metadata = {
    $causationId: causationId,
    $correlationId: correlationId,
    actor,
    version,
    more,
    hash: contentHash(content),
    ...(recordedAt === undefined ? {} : { recordedAt }),
  };
  // The client's own type asks for an object; it stores whatever has a JSON form.
  return jsonEvent({ id, type, data: data as Record<string, unknown>, metadata });
};

const jsonOf = ({ type, data }: EventToAppend): string => {
  const json = JSON.stringify(data) as string | undefined;
  if (json === undefined) throw new PermanentError(`the data of ${type} has no JSON form`);
  // A character takes up to three bytes of UTF-8, so short texts need no counting.
  if (json.length * 3 > MAXIMUM_EVENT_BYTES && Buffer.byteLength(json) > MAXIMUM_EVENT_BYTES) {
    throw new PermanentError(`event too large: ${type} has ${Buffer.byteLength(json)} of ${MAXIMUM_EVENT_BYTES} bytes`);
  }
  return json;
};

const checkName = (what: string, name: string): void => {
  if (name.length === 0 || name.length > MAXIMUM_NAME || UNSTORABLE.test(name)) {
    throw new PermanentError(`the ${what} is not 1 to ${MAXIMUM_NAME} printable characters`);
  }
};

/** An event from the server, with how many of its append follow it. */
export type Stored = { event: RecordedEvent; more: number };
type FromServer = Omit<AllStreamRecordedEvent, 'position'> & Partial<Pick<AllStreamRecordedEvent, 'position'>>;

/** The server writes events of its own into the log, and links to others. */
export const isSystemEvent = ({ streamId, type }: Pick<FromServer, 'streamId' | 'type'>): boolean =>
  streamId.startsWith('$') || type.startsWith('$');

/** A position of the server as a number. */
export const positionOf = ({ position, streamId }: FromServer): number => {
  const place = Number(position?.commit ?? -1n);
  // A server before 22.6 gives the greatest number there is where it does not know the position.
  if (!Number.isSafeInteger(place) || place < 0) throw new PermanentError(`an event of ${streamId} has no position`);
  return place;
};

/** The event that was appended, or `DamagedLog` when it is not as it was. */
export const decode = (record: FromServer): Stored => {
  const position = positionOf(record);
  const damaged = (detail: string): DamagedLog => new DamagedLog(record.streamId, position, detail);
  const { metadata } = record as { metadata: unknown };
  if (!record.isJson || !isMetadata(metadata)) throw damaged('it has not the form of our events');
  const event: RecordedEvent = {
    type: record.type,
    version: metadata.version,
    data: record.data,
    id: record.id.toLowerCase(),
    stream: record.streamId,
    revision: Number(record.revision),
    position,
    causationId: metadata.$causationId,
    correlationId: metadata.$correlationId,
    actor: { kind: metadata.actor.kind, id: metadata.actor.id },
    recordedAt: metadata.recordedAt ?? record.created.toISOString(),
  };
  if (contentHash(event) !== metadata.hash) throw damaged('its content does not match its hash');
  return { event, more: metadata.more };
};

const isMetadata = (metadata: unknown): metadata is Metadata => {
  if (typeof metadata !== 'object' || metadata === null) return false;
  const { $causationId, $correlationId, actor, version, more, hash, recordedAt } = metadata as Partial<Metadata>;
  return (
    [$causationId, $correlationId, hash, actor?.kind, actor?.id].every((value) => typeof value === 'string') &&
    Number.isSafeInteger(version) &&
    Number.isSafeInteger(more) &&
    (recordedAt === undefined || typeof recordedAt === 'string')
  );
};
