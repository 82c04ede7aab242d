import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEventLogForReading } from '@foldline/event-store-embedded';
import { PermanentError, withLargePayloads, type EventStore, type Projection } from '@foldline/kernel';
import { openFileObjectStore } from '@foldline/object-store-files';
import {
  openEmbeddedReadStore,
  openReadStoreSnapshot,
  type Entry,
  type ReadStoreSnapshot,
} from '@foldline/read-store-embedded';
import { ProjectionWriter } from './projection-writer.ts';

const PAGE = 500;

export type ReplayReport = {
  events: number;
  streams: number;
  position: number;
  documents: number;
  /** Lines of the indexes that documents are found by. */
  entries: number;
  /** `collection/id` of documents that differ or stand elsewhere in an index, at most 20. */
  differences: string[];
};

/**
 * Checks the hash chain of every stream, rebuilds every read model from the log in a directory of its own and compares
 * it with the live one, document by document and byte for byte, and so are the indexes, at the position that the live one
 * has reached. Throws when the live one is of other projections than `name` says.
 * Changes nothing and reaches nothing outside the data directory; the server may be running meanwhile.
 */
export const verifyReplay = async (
  dataDirectory: string,
  projections: readonly Projection[],
  name: string,
): Promise<ReplayReport> => {
  const scratch = await mkdtemp(join(tmpdir(), 'foldline-replay-'));
  const log = openEventLogForReading({ directory: join(dataDirectory, 'events') });
  const live = openReadStoreSnapshot({ directory: join(dataDirectory, 'read-models') });
  const rebuilt = await openEmbeddedReadStore({ directory: scratch });
  try {
    const { events, streams } = await log.verify();
    const payloads = await openFileObjectStore({ directory: join(dataDirectory, 'payloads') });
    const position = await live.position(name);
    if (position === 0 && events > 0) {
      throw new PermanentError('the read models were made by another release or not yet: start the server once');
    }
    await rebuild(withLargePayloads(log, payloads), new ProjectionWriter(name, rebuilt, projections), position);
    const collections = [...new Set(projections.map(({ collection }) => collection))];
    const compared = await compare(live, rebuilt, collections);
    return { events, streams, position, ...compared };
  } finally {
    await Promise.all([live.close(), rebuilt.close(), log.close()]);
    await rm(scratch, { recursive: true, force: true });
  }
};

const rebuild = async (log: EventStore, writer: ProjectionWriter, upTo: number): Promise<void> => {
  for (let after = 0; after < upTo;) {
    const page = (await log.readAll({ after, limit: PAGE })).filter(({ position }) => position <= upTo);
    if (page.length === 0) return;
    await writer.apply(page);
    after = page.at(-1)!.position;
  }
};

const MAX_DIFFERENCES = 20;

type Store = Pick<ReadStoreSnapshot, 'scan' | 'entries'>;
type Compared = Pick<ReplayReport, 'documents' | 'entries' | 'differences'>;

const compare = async (live: Store, rebuilt: Store, collections: readonly string[]): Promise<Compared> => {
  const result = { documents: 0, entries: 0 };
  const different = new Set<string>();
  for (const collection of collections) {
    const [a, b] = await Promise.all([allDocuments(live, collection), allDocuments(rebuilt, collection)]);
    const [c, d] = await Promise.all([allEntries(live, collection), allEntries(rebuilt, collection)]);
    result.documents += b.size;
    result.entries += d.size;
    for (const id of new Set([...a.keys(), ...b.keys()])) {
      if (a.get(id) !== b.get(id)) different.add(`${collection}/${id}`);
    }
    for (const line of new Set([...c.keys(), ...d.keys()])) {
      if (c.get(line) !== d.get(line)) different.add(`${collection}/${c.get(line) ?? d.get(line)}`);
    }
  }
  return { ...result, differences: [...different].slice(0, MAX_DIFFERENCES) };
};

const allDocuments = async (store: Store, collection: string): Promise<Map<string, string>> => {
  const documents = new Map<string, string>();
  for (let after = ''; ;) {
    const page = await store.scan(collection, after, PAGE);
    for (const { id, doc } of page) documents.set(id, JSON.stringify(doc));
    if (page.length < PAGE) return documents;
    after = page.at(-1)!.id;
  }
};

/** Ids of documents by index and value. */
const allEntries = async (store: Store, collection: string): Promise<Map<string, string>> => {
  const entries = new Map<string, string>();
  for (let after: Entry | undefined; ;) {
    const page = await store.entries(collection, after, PAGE);
    for (const { index, value, id } of page) entries.set(JSON.stringify([index, value]), id);
    if (page.length < PAGE) return entries;
    after = page.at(-1);
  }
};
