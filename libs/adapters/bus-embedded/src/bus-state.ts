import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PermanentError, type ParkedStream } from '@foldline/kernel';
import { inTransaction, openDatabase, type Database, type Row } from '@foldline/sqlite';

const SCHEMA_VERSION = 1;
const TABLES = `
  CREATE TABLE checkpoints (consumer TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE parked (
    consumer TEXT NOT NULL, key TEXT NOT NULL, position INTEGER NOT NULL, event_id TEXT NOT NULL,
    event_type TEXT NOT NULL, stream TEXT NOT NULL, error TEXT NOT NULL, attempts INTEGER NOT NULL,
    parked_at TEXT NOT NULL, PRIMARY KEY (consumer, key)
  );
  CREATE TABLE waiting (
    consumer TEXT NOT NULL, key TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (consumer, key, position)
  ) WITHOUT ROWID;
`;

export type Parking = Omit<ParkedStream, 'waiting'>;

/**
 * How far each consumer is and what is parked, in a file of its own. The waiting events themselves stay in the log;
 * only their positions are kept, that of the failed event first.
 */
export class BusState {
  private readonly database: Database;
  private readonly statements;

  constructor(directory: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.database = openDatabase(join(directory, 'bus.db'));
    prepare(this.database);
    const sql = (text: string) => this.database.prepare(text);
    const ofKey = 'consumer = ? AND key = ?';
    this.statements = {
      load: sql('SELECT position FROM checkpoints WHERE consumer = ?'),
      save: sql(`INSERT INTO checkpoints (consumer, position) VALUES (?, ?)
        ON CONFLICT (consumer) DO UPDATE SET position = excluded.position`),
      keys: sql('SELECT key FROM parked WHERE consumer = ?'),
      list: sql(`SELECT parked.*, (SELECT count(*) FROM waiting w
        WHERE w.consumer = parked.consumer AND w.key = parked.key AND w.position > parked.position) AS waiting
        FROM parked ORDER BY parked_at, consumer, key`),
      park: sql(`INSERT INTO parked (consumer, key, position, event_id, event_type, stream, error, attempts, parked_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (consumer, key) DO UPDATE SET position = excluded.position,
        event_id = excluded.event_id, event_type = excluded.event_type, stream = excluded.stream,
        error = excluded.error, attempts = excluded.attempts, parked_at = excluded.parked_at`),
      wait: sql('INSERT OR IGNORE INTO waiting (consumer, key, position) VALUES (?, ?, ?)'),
      first: sql(`SELECT position FROM waiting WHERE ${ofKey} ORDER BY position LIMIT 1`),
      done: sql(`DELETE FROM waiting WHERE ${ofKey} AND position = ?`),
      forgetWaiting: sql(`DELETE FROM waiting WHERE ${ofKey}`),
      unpark: sql(`DELETE FROM parked WHERE ${ofKey}`),
    };
  }

  checkpoint(consumer: string): number {
    return Number(this.statements.load.get(consumer)?.position ?? 0);
  }

  saveCheckpoints(positions: ReadonlyMap<string, number>): void {
    inTransaction(this.database, () => {
      for (const [consumer, position] of positions) this.statements.save.run(consumer, position);
    });
  }

  parkedKeys(consumer: string): Set<string> {
    return new Set(this.statements.keys.all(consumer).map(({ key }) => String(key)));
  }

  list(): ParkedStream[] {
    return this.statements.list.all().map(toParked);
  }

  /** Records the failure, and the positions of the events that wait because of it, its own among them. */
  park(parking: Parking, waiting: readonly number[]): void {
    const { group, key, position, eventId, eventType, stream, error, attempts, parkedAt } = parking;
    inTransaction(this.database, () => {
      this.statements.park.run(group, key, position, eventId, eventType, stream, error, attempts, parkedAt);
      for (const each of waiting) this.statements.wait.run(group, key, each);
    });
  }

  addWaiting(consumer: string, key: string, position: number): void {
    this.statements.wait.run(consumer, key, position);
  }

  firstWaiting(consumer: string, key: string): number | undefined {
    const row = this.statements.first.get(consumer, key);
    return row && Number(row.position);
  }

  removeWaiting(consumer: string, key: string, position: number): void {
    this.statements.done.run(consumer, key, position);
  }

  /** Ends the parking; gives back how many events were still waiting. */
  unpark(consumer: string, key: string): number {
    return inTransaction(this.database, () => {
      this.statements.unpark.run(consumer, key);
      return Number(this.statements.forgetWaiting.run(consumer, key).changes);
    });
  }

  close(): void {
    this.database.close();
  }
}

// Repeating what came after a checkpoint is allowed, so no sync is needed: what survives a power cut is some earlier
// state of this file as a whole.
const prepare = (database: Database): void => {
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version);
  if (version === SCHEMA_VERSION) return;
  if (version !== 0) {
    database.close();
    throw new PermanentError(`the bus state has format ${version}; this release reads ${SCHEMA_VERSION}`);
  }
  inTransaction(database, () => {
    database.exec(TABLES);
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  });
};

const toParked = (row: Row): ParkedStream => ({
  group: String(row.consumer),
  key: String(row.key),
  position: Number(row.position),
  eventId: String(row.event_id),
  eventType: String(row.event_type),
  stream: String(row.stream),
  error: String(row.error),
  attempts: Number(row.attempts),
  parkedAt: String(row.parked_at),
  waiting: Number(row.waiting),
});
