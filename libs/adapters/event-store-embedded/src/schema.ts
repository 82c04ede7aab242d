import { randomUUID } from 'node:crypto';
import { PermanentError } from '@foldline/kernel';
import { inTransaction, type Database } from '@foldline/sqlite';

const SCHEMA_VERSION = 1;

// Positions are given by the writer, so the table is its own index by position.
const TABLES = `
  CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    revision INTEGER NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    version INTEGER NOT NULL,
    data TEXT NOT NULL,
    causation TEXT NOT NULL,
    correlation TEXT NOT NULL,
    actor TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL
  );
  CREATE UNIQUE INDEX events_by_stream ON events (stream, revision);
  CREATE UNIQUE INDEX events_by_id ON events (id);
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`;

export const CATEGORY = `substr(stream, 1, instr(stream, '-') - 1)`;

/**
 * Made when someone first asks for categories: each further index costs every append a page, and most logs are only
 * read whole.
 */
export const CATEGORY_INDEX = `CREATE INDEX IF NOT EXISTS events_by_category ON events (${CATEGORY}, position)`;

/** Makes the tables of a new log and refuses a log of a release that this one does not know. */
export const prepareLog = (database: Database, now: string): void => {
  database.exec('PRAGMA journal_mode = WAL');
  database.exec('PRAGMA synchronous = FULL');
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version);
  if (version === SCHEMA_VERSION) return;
  if (version !== 0)
    throw new PermanentError(`the event log has format ${version}; this release reads ${SCHEMA_VERSION}`);
  inTransaction(database, () => {
    database.exec(TABLES);
    const set = database.prepare('INSERT INTO meta (key, value) VALUES (?, ?)');
    set.run('store_id', randomUUID());
    set.run('epoch', '1');
    set.run('created_at', now);
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  });
};
