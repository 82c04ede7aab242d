import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PermanentError, type EventStore, type Projection, type ReadStore } from '@foldline/kernel';
import { openEmbeddedReadStore, type Entry, type ReadStoreSnapshot } from '@foldline/read-store-embedded';
import { ProjectionWriter } from './projection-writer.ts';

const PAGE = 500;

/** Read models that stand still, with the index entries that their documents stand in. */
export type LiveReadModels = Pick<ReadStore, 'position' | 'scan'> & Pick<ReadStoreSnapshot, 'entries'>;

export type Comparison = {
  /** The position that the live read models have reached; the rebuild goes as far. */
  position: number;
  documents: number;
  /** Lines of the indexes that documents are found by. */
  entries: number;
  /** `collection/id` of documents that differ or stand elsewhere in an index, at most 20. */
  differences: string[];
};

/**
 * Folds the log anew in a directory of its own and compares documents, byte for byte, and indexes with the live ones.
 * Throws when the live ones are of other projections than `name` says.
 */
export const compareReadModels = async (
  log: EventStore,
  live: LiveReadModels,
  projections: readonly Projection[],
  name: string,
): Promise<Comparison> => {
  const position = await live.position(name);
  if (position === 0 && (await log.lastPosition()) > 0) {
    throw new PermanentError('the read models were made by another release or not yet: start the server once');
  }
  const scratch = await mkdtemp(join(tmpdir(), 'foldline-replay-'));
  try {
    const rebuilt = await openEmbeddedReadStore({ directory: scratch });
    try {
      await rebuild(log, new ProjectionWriter(name, rebuilt, projections), position);
      const collections = [...new Set(projections.map(({ collection }) => collection))];
      return { position, ...(await compare(live, rebuilt, collections)) };
    } finally {
      await rebuilt.close();
    }
  } finally {
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

type Store = Pick<LiveReadModels, 'scan' | 'entries'>;
type Compared = Omit<Comparison, 'position'>;

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
