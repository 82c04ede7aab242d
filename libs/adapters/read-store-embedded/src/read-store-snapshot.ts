import { existsSync } from 'node:fs';
import { PermanentError, type CountQuery, type Document, type Query, type ReadStore } from '@foldline/kernel';
import { openDatabase, rollBack } from '@foldline/sqlite';
import { readModelsIn } from './embedded-read-store.ts';
import { ReadModels, type Entry } from './read-models.ts';

/** Read models to look at, with the index entries that their documents stand in. */
export type ReadStoreSnapshot = ReadStore & {
  entries: (collection: string, after: Entry | undefined, limit: number) => Promise<Entry[]>;
};

/**
 * The read models as they are at this moment: what another process changes afterwards is not seen until the snapshot
 * is opened anew. Refuses changes.
 */
export const openReadStoreSnapshot = ({ directory }: { directory: string }): ReadStoreSnapshot => {
  const path = readModelsIn(directory);
  if (!existsSync(path)) throw new PermanentError(`there are no read models in ${directory}`);
  const database = openDatabase(path);
  database.exec('PRAGMA query_only = ON');
  const models = new ReadModels(database);
  database.exec('BEGIN');
  // The transaction sees what was there at its first read.
  models.position('');
  const refuse = async (): Promise<never> => {
    throw new PermanentError('a snapshot of the read models cannot be changed');
  };
  return {
    get: async <Doc extends Document>(collection: string, id: string) => models.get<Doc>(collection, id),
    query: async <Doc extends Document>(collection: string, query: Query) => models.query<Doc>(collection, query),
    count: async (collection: string, query: CountQuery) => models.count(collection, query),
    scan: async (collection, afterId, limit) => models.scan(collection, afterId, limit),
    entries: async (collection, after, limit) => models.entries(collection, after, limit),
    position: async (projection) => models.position(projection),
    apply: refuse,
    reset: refuse,
    close: async () => {
      rollBack(database);
      database.close();
    },
  };
};
