import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { inTransaction, openDatabase, reasonOf, sqliteFailure, type Database } from '@foldline/sqlite';

const SCHEMA_VERSION = 1;

const TABLES = `
  CREATE TABLE documents (
    collection TEXT NOT NULL, id TEXT NOT NULL, doc TEXT NOT NULL,
    PRIMARY KEY (collection, id)
  );
  CREATE TABLE entries (
    collection TEXT NOT NULL, idx TEXT NOT NULL, value TEXT NOT NULL, id TEXT NOT NULL,
    PRIMARY KEY (collection, idx, value)
  ) WITHOUT ROWID;
  CREATE INDEX entries_by_document ON entries (collection, id);
  CREATE TABLE positions (projection TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
`;

/**
 * Opens the read models. What cannot be used (another release's format or projections, a file found damaged now or while it was last
 * open) is thrown away, for it can be made again from the log; `onReset` is told why.
 */
export const openReadModels = (
  path: string,
  projection: string | undefined,
  onReset: (reason: string) => void,
): Database => {
  const reason = unusable(path, projection);
  if (reason !== undefined) {
    for (const suffix of ['', '-wal', '-shm', DAMAGED]) rmSync(path + suffix, { force: true });
    onReset(reason);
  }
  return prepared(path);
};

const DAMAGED = '-damaged';

/** Has the next opening throw the file away: looking for damage at each start would take longer the more is stored. */
export const markDamaged = (path: string, reason: string): void => writeFileSync(path + DAMAGED, reason);

/** Why the file cannot be used; nothing when it can, or does not exist. */
const unusable = (path: string, projection: string | undefined): string | undefined => {
  if (!existsSync(path)) return undefined;
  if (existsSync(path + DAMAGED)) return `the read models are damaged: ${readFileSync(path + DAMAGED, 'utf8')}`;
  const database = openDatabase(path);
  try {
    const version = versionOf(database);
    if (version === SCHEMA_VERSION) return madeByOthers(database, projection);
    return `the read models have format ${version}, this release has ${SCHEMA_VERSION}`;
  } catch (error) {
    if (sqliteFailure(error) !== 'corrupt') throw error;
    return `the read models are damaged: ${reasonOf(error)}`;
  } finally {
    database.close();
  }
};

/** A document is written together with the name of who made it, so there is none without a name. */
const madeByOthers = (database: Database, projection: string | undefined): string | undefined => {
  if (projection === undefined) return undefined;
  const names = database.prepare('SELECT projection FROM positions').all();
  const other = names.find((row) => row.projection !== projection);
  if (!other) return undefined;
  return `the read models were made by ${String(other.projection)}, this release has ${projection}`;
};

const prepared = (path: string): Database => {
  const database = openDatabase(path);
  // Losing the newest changes in a power cut is harmless: the position is lost with them, and they are folded again.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32000');
  if (versionOf(database) === SCHEMA_VERSION) return database;
  inTransaction(database, () => {
    database.exec(TABLES);
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  });
  return database;
};

const versionOf = (database: Database): number => Number(database.prepare('PRAGMA user_version').get()?.user_version);
