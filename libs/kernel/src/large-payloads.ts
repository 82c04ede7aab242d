import type { RecordedEvent } from '@foldline/contracts';
import { PermanentError } from './errors.ts';
import type { EventStore, EventToAppend } from './ports/event-store.port.ts';
import type { ObjectStore } from './ports/object-store.port.ts';

type Reference = { $large: { digest: string; bytes: number } };
const LIMIT_BYTES = 200 * 1024;

const referenceIn = (data: unknown): Reference['$large'] | undefined => (data as Partial<Reference> | null)?.$large;

/** Puts the data back into an event that has only a reference to it, as an event of the raw log may. */
export const restoreLargePayload =
  (objects: ObjectStore) =>
  async (event: RecordedEvent): Promise<RecordedEvent> => {
    const large = referenceIn(event.data);
    if (!large) return event;
    const bytes = await objects.read(large.digest);
    if (!bytes)
      throw new PermanentError(`the data of ${event.stream}@${event.revision} (object ${large.digest}) is missing`);
    return { ...event, data: JSON.parse(bytes.toString('utf8')) as unknown };
  };

/**
 * Keeps event data over 200 KiB in the object store, with only its digest in the log, and puts it back on every read.
 * Nobody above this line sees the difference.
 */
export const withLargePayloads = (store: EventStore, objects: ObjectStore): EventStore => {
  const offload = async (event: EventToAppend): Promise<EventToAppend> => {
    const json = JSON.stringify(event.data);
    if (Buffer.byteLength(json) <= LIMIT_BYTES) return event;
    return { ...event, data: { $large: await objects.put(Buffer.from(json)) } };
  };
  const restore = restoreLargePayload(objects);
  const restoreAll = async (events: readonly RecordedEvent[]): Promise<RecordedEvent[]> =>
    events.some((event) => referenceIn(event.data)) ? Promise.all(events.map(restore)) : [...events];

  return {
    append: async (stream, events, expected) => {
      const appended = await store.append(stream, await Promise.all(events.map(offload)), expected);
      return { ...appended, events: await restoreAll(appended.events) };
    },
    readStream: async (stream, from, limit) => restoreAll(await store.readStream(stream, from, limit)),
    readAll: async (query) => restoreAll(await store.readAll(query)),
    follow: (after, listener, signal, options) =>
      store.follow(after, async (events) => listener(await restoreAll(events)), signal, options),
    lastPosition: () => store.lastPosition(),
    close: () => store.close(),
  };
};
