import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEventLogForReading } from '@foldline/event-store-embedded';
import { withLargePayloads, type EventStore, type Projection, type ReadStore } from '@foldline/kernel';
import { openFileObjectStore } from '@foldline/object-store-files';
import { openEmbeddedReadStore, openReadStoreSnapshot } from '@foldline/read-store-embedded';
import { ProjectionWriter } from './projection-writer.ts';
import { PROJECTION_NAME } from './projector.ts';

const PAGE = 500;

export type ReplayReport = {
  events: number;
  streams: number;
  position: number;
  documents: number;
  /** `collection/id` of documents that differ, at most 20. */
  differences: string[];
};

/**
 * Checks the hash chain of every stream, rebuilds every read model from the log in a directory of its own and compares
 * it with the live one, document by document and byte for byte, at the position that the live one has reached.
 * Changes nothing and reaches nothing outside the data directory; the server may be running meanwhile.
 */
export const verifyReplay = async (
  dataDirectory: string,
  projections: readonly Projection[],
): Promise<ReplayReport> => {
  const scratch = await mkdtemp(join(tmpdir(), 'foldline-replay-'));
  const log = openEventLogForReading({ directory: join(dataDirectory, 'events') });
  const live = openReadStoreSnapshot({ directory: join(dataDirectory, 'read-models') });
  const rebuilt = await openEmbeddedReadStore({ directory: scratch });
  try {
    const { events, streams } = await log.verify();
    const payloads = await openFileObjectStore({ directory: join(dataDirectory, 'payloads') });
    const position = await live.position(PROJECTION_NAME);
    await rebuild(withLargePayloads(log, payloads), rebuilt, projections, position);
    const collections = [...new Set(projections.map(({ collection }) => collection))];
    const compared = await compare(live, rebuilt, collections);
    return { events, streams, position, ...compared };
  } finally {
    await Promise.all([live.close(), rebuilt.close(), log.close()]);
    await rm(scratch, { recursive: true, force: true });
  }
};

const rebuild = async (
  log: EventStore,
  target: ReadStore,
  projections: readonly Projection[],
  upTo: number,
): Promise<void> => {
  const writer = new ProjectionWriter(PROJECTION_NAME, target, projections);
  for (let after = 0; after < upTo;) {
    const page = (await log.readAll({ after, limit: PAGE })).filter(({ position }) => position <= upTo);
    if (page.length === 0) return;
    await writer.apply(page);
    after = page.at(-1)!.position;
  }
};

const MAX_DIFFERENCES = 20;

const compare = async (
  live: ReadStore,
  rebuilt: ReadStore,
  collections: readonly string[],
): Promise<{ documents: number; differences: string[] }> => {
  const result = { documents: 0, differences: [] as string[] };
  for (const collection of collections) {
    const [a, b] = await Promise.all([allDocuments(live, collection), allDocuments(rebuilt, collection)]);
    result.documents += b.size;
    for (const id of new Set([...a.keys(), ...b.keys()])) {
      if (a.get(id) !== b.get(id) && result.differences.length < MAX_DIFFERENCES)
        result.differences.push(`${collection}/${id}`);
    }
  }
  return result;
};

const allDocuments = async (store: ReadStore, collection: string): Promise<Map<string, string>> => {
  const documents = new Map<string, string>();
  for (let after = ''; ;) {
    const page = await store.scan(collection, after, PAGE);
    for (const { id, doc } of page) documents.set(id, JSON.stringify(doc));
    if (page.length < PAGE) return documents;
    after = page.at(-1)!.id;
  }
};
