import type { IHeaders, KafkaMessage, Message } from 'kafkajs';
import type { RecordedEvent } from '@foldline/contracts';

/** An event on its way to the topic, encoded once. */
export type Outgoing = {
  event: RecordedEvent;
  /** The event as JSON, as it is stored. */
  value: string;
  /** Revision of the event before it in the same stream with the same key, -1 when it is the first; absent when unknown. */
  previous?: number;
};

/** Where an event is found again, and what it is. */
export type EventReference = {
  eventId: string;
  type: string;
  stream: string;
  revision: number;
  position: number;
};

/** What is known of a message without parsing its value. */
export type Incoming = EventReference & { key: string; previous: number | undefined; offset: number; value: Buffer };

/** More headers for an event, for example `traceparent`. */
export type ExtraHeaders = (event: RecordedEvent) => Record<string, string>;

export const toMessage = ({ event, value, previous }: Outgoing, extra?: ExtraHeaders): Message => ({
  key: event.correlationId,
  value,
  headers: {
    ...extra?.(event),
    eventId: event.id,
    type: event.type,
    stream: event.stream,
    revision: String(event.revision),
    position: String(event.position),
    ...(previous === undefined ? {} : { previous: String(previous) }),
  },
});

/** `undefined` when the message is none of ours. */
export const fromMessage = ({ key, value, headers = {}, offset }: KafkaMessage): Incoming | undefined => {
  const [eventId, type, stream] = [text(headers, 'eventId'), text(headers, 'type'), text(headers, 'stream')];
  const [revision, position] = [whole(headers, 'revision'), whole(headers, 'position')];
  if (!key || !value || !eventId || !type || !stream || revision === undefined || position === undefined)
    return undefined;
  const previous = whole(headers, 'previous');
  return { eventId, type, stream, revision, position, previous, key: key.toString(), offset: Number(offset), value };
};

export const referenceOf = ({ id, type, stream, revision, position }: RecordedEvent): EventReference => ({
  eventId: id,
  type,
  stream,
  revision,
  position,
});

const text = (headers: IHeaders, name: string): string | undefined => {
  const value = headers[name];
  return Buffer.isBuffer(value) || typeof value === 'string' ? value.toString() : undefined;
};

const whole = (headers: IHeaders, name: string): number | undefined => {
  const value = text(headers, name);
  const number = value === undefined ? Number.NaN : Number(value);
  return Number.isSafeInteger(number) && number >= -1 ? number : undefined;
};
