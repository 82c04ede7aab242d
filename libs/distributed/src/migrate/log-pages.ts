import type { RecordedEvent } from '@foldline/contracts';
import type { EventStore } from '@foldline/kernel';

const PAGE = 1_000;

/** The whole log in its order, from after a position. */
export async function* eventsOf(store: EventStore, after = 0): AsyncGenerator<RecordedEvent> {
  for (;;) {
    const page = await store.readAll({ after, limit: PAGE });
    yield* page;
    if (page.length < PAGE) return;
    after = page.at(-1)!.position;
  }
}

/** What one append may hold: well below what EventStoreDB takes (1 MiB), and few enough to be written at once. */
const APPEND = { events: 1_000, bytes: 512 * 1024 };
const METADATA_BYTES = 1_024;

/**
 * Events that were appended together, as far as the log tells: they follow each other in their stream and in the log and
 * were recorded at the same time. Two appends that are taken for one become visible together, which harms nobody.
 */
export async function* appendsIn(events: AsyncIterable<RecordedEvent>): AsyncGenerator<RecordedEvent[]> {
  let together: RecordedEvent[] = [];
  let bytes = 0;
  for await (const event of events) {
    const size = Buffer.byteLength(JSON.stringify(event.data)) + METADATA_BYTES;
    const [first] = together;
    const belongs = first?.stream === event.stream && first.recordedAt === event.recordedAt;
    if (first && (!belongs || together.length >= APPEND.events || bytes + size > APPEND.bytes)) {
      yield together;
      [together, bytes] = [[], 0];
    }
    together.push(event);
    bytes += size;
  }
  if (together.length > 0) yield together;
}
