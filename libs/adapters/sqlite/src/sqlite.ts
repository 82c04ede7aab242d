import { createRequire } from 'node:module';

export type SqlValue = string | number | bigint | null | Uint8Array;
export type Row = Record<string, SqlValue>;

/** The part of `node:sqlite` that the embedded adapters use; both drivers have it. */
export type Statement = {
  run(...values: SqlValue[]): { changes: number | bigint };
  get(...values: SqlValue[]): Row | undefined;
  all(...values: SqlValue[]): Row[];
  iterate(...values: SqlValue[]): IterableIterator<Row>;
};

export type Database = {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
};

type Driver = { DatabaseSync: new (path: string) => Database };

let loaded: Driver | undefined;

/** Loaded with the first database: a process without one has no use for a driver, and may not even have it installed. */
const driver = (): Driver => {
  // Node's own is absent from Node 20, and from Node 22 where it still needs a flag.
  loaded ??=
    (process.getBuiltinModule?.('node:sqlite') as Driver | undefined) ??
    (createRequire(import.meta.url)('@photostructure/sqlite') as Driver);
  return loaded;
};

/**
 * Opens a database file, creating it when it does not exist. A lock held by someone else is waited for up to
 * `busyMs`. The statements of a database do not keep it alive: the caller must hold the database itself.
 *
 * With the driver for Node 20 a closed database whose statements are still referenced lets go of its files only when
 * those are collected: end its transaction before closing it, and expect its WAL to stay.
 */
export const openDatabase = (path: string, busyMs = 5000): Database => {
  const database = new (driver().DatabaseSync)(path);
  try {
    database.exec(`PRAGMA busy_timeout = ${busyMs}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
};

/** Runs the work in one write transaction: all of it is kept, or nothing when it throws. */
export const inTransaction = <Result>(database: Database, work: () => Result): Result => {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    rollBack(database);
    throw error;
  }
};

/** Ends an open transaction without keeping it. */
export const rollBack = (database: Database): void => {
  try {
    database.exec('ROLLBACK');
  } catch {
    // After a full disk or an I/O error SQLite has rolled back by itself and answers "no transaction is active";
    // the failure that led here is the one that the caller reports.
  }
};
