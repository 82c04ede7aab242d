import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  PermanentError,
  TransientError,
  type CountQuery,
  type Document,
  type Page,
  type Query,
  type ReadStore,
  type Write,
} from '@foldline/kernel';
import { inTransaction, reasonOf, sqliteFailure, type Database } from '@foldline/sqlite';
import { ReadModels, type Entry } from './read-models.ts';
import { markDamaged, openReadModels } from './schema.ts';

export type EmbeddedReadStoreOptions = {
  /** Made when it does not exist. */
  directory: string;
  /** Name of the projections whose documents these are; what others have made is thrown away. Any, when absent. */
  projection?: string;
  /** Told why the stored read models were thrown away; they are then empty and at position 0. */
  onReset?: (reason: string) => void;
};

/** Read models in one SQLite file. Calls finish before they return; the promises only fit the port. */
export class EmbeddedReadStore implements ReadStore {
  private readonly models: ReadModels;
  private readonly statements;
  private closed = false;

  constructor(
    private readonly database: Database,
    private readonly path: string,
  ) {
    this.models = new ReadModels(database);
    const entry = 'collection = ? AND idx = ? AND value = ?';
    this.statements = {
      entries: database.prepare('SELECT idx, value FROM entries WHERE collection = ? AND id = ?'),
      addEntry: database.prepare('INSERT INTO entries (collection, idx, value, id) VALUES (?, ?, ?, ?)'),
      removeEntry: database.prepare(`DELETE FROM entries WHERE ${entry}`),
      owner: database.prepare(`SELECT id FROM entries WHERE ${entry}`),
      put: database.prepare(`
        INSERT INTO documents (collection, id, doc) VALUES (?, ?, ?)
        ON CONFLICT (collection, id) DO UPDATE SET doc = excluded.doc`),
      remove: database.prepare('DELETE FROM documents WHERE collection = ? AND id = ?'),
      move: database.prepare(`
        INSERT INTO positions (projection, position) VALUES (?, ?)
        ON CONFLICT (projection) DO UPDATE SET position = excluded.position`),
      forget: database.prepare('DELETE FROM positions WHERE projection = ?'),
      emptyDocuments: database.prepare('DELETE FROM documents WHERE collection = ?'),
      emptyEntries: database.prepare('DELETE FROM entries WHERE collection = ?'),
    };
  }

  async get<Doc extends Document>(collection: string, id: string): Promise<Doc | undefined> {
    return this.guarded(() => this.models.get<Doc>(collection, id));
  }

  async query<Doc extends Document>(collection: string, query: Query): Promise<Page<Doc>> {
    return this.guarded(() => this.models.query<Doc>(collection, query));
  }

  async count(collection: string, query: CountQuery): Promise<number> {
    return this.guarded(() => this.models.count(collection, query));
  }

  async apply(projection: string, position: number, writes: readonly Write[], expected?: number): Promise<number> {
    return this.guarded(() => {
      // Of several writes to one document only the last counts.
      const last = new Map(writes.map((write) => [JSON.stringify([write.collection, write.id]), write]));
      return inTransaction(this.database, () => {
        const stored = this.models.position(projection);
        if (expected !== undefined && stored !== expected) return stored;
        // All old entries go first, so that one document may take over an index value that another gives up.
        const missing = [...last.values()].map((write) => this.removeOldEntries(write));
        for (const { write, entries } of missing) this.write(write, entries);
        this.statements.move.run(projection, position);
        return position;
      });
    });
  }

  async position(projection: string): Promise<number> {
    return this.guarded(() => this.models.position(projection));
  }

  async reset(projection: string, collections: readonly string[]): Promise<void> {
    this.guarded(() =>
      inTransaction(this.database, () => {
        for (const collection of collections) {
          this.statements.emptyDocuments.run(collection);
          this.statements.emptyEntries.run(collection);
        }
        this.statements.forget.run(projection);
      }),
    );
  }

  async scan(collection: string, afterId: string, limit: number): Promise<{ id: string; doc: Document }[]> {
    return this.guarded(() => this.models.scan(collection, afterId, limit));
  }

  /** The index entries of a collection in order, behind this one. */
  async entries(collection: string, after: Entry | undefined, limit: number): Promise<Entry[]> {
    return this.guarded(() => this.models.entries(collection, after, limit));
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.database.close();
  }

  /** Removes the entries that the document no longer has; gives back those that it does not have yet. */
  private removeOldEntries(write: Write): { write: Write; entries: [string, string][] } {
    const { collection, id, doc, indexes } = write;
    const wanted = new Map(doc === undefined ? [] : Object.entries(indexes));
    for (const { idx, value } of this.statements.entries.all(collection, id)) {
      if (wanted.get(String(idx)) === value) wanted.delete(String(idx));
      else this.statements.removeEntry.run(collection, idx!, value!);
    }
    return { write, entries: [...wanted] };
  }

  private write({ collection, id, doc }: Write, entries: [string, string][]): void {
    if (doc === undefined) this.statements.remove.run(collection, id);
    else this.statements.put.run(collection, id, JSON.stringify(doc));
    for (const [index, value] of entries) {
      const owner = this.statements.owner.get(collection, index, value)?.id;
      if (owner !== undefined) {
        throw new PermanentError(`"${value}" stands in index ${index} of ${collection} for ${String(owner)} already`);
      }
      this.statements.addEntry.run(collection, index, value, id);
    }
  }

  private guarded<Result>(work: () => Result): Result {
    if (this.closed) throw new PermanentError('the read store is closed');
    try {
      return work();
    } catch (error) {
      const failure = sqliteFailure(error);
      if (failure === 'corrupt') markDamaged(this.path, reasonOf(error));
      if (failure === 'busy') throw new TransientError(reasonOf(error), { cause: error });
      if (failure !== 'other') throw new PermanentError(reasonOf(error), { cause: error });
      throw error;
    }
  }
}

const FILE = 'read-models.db';
export const readModelsIn = (directory: string): string => join(directory, FILE);

export const openEmbeddedReadStore = async (options: EmbeddedReadStoreOptions): Promise<EmbeddedReadStore> => {
  mkdirSync(options.directory, { recursive: true, mode: 0o700 });
  const path = readModelsIn(options.directory);
  return new EmbeddedReadStore(openReadModels(path, options.projection, options.onReset ?? (() => undefined)), path);
};
