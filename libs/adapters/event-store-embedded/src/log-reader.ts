import type { RecordedEvent } from '@foldline/contracts';
import { DamagedLog, PermanentError, TransientError, type ReadAll } from '@foldline/kernel';
import { openDatabase, reasonOf, sqliteFailure, type Database, type Row } from '@foldline/sqlite';
import { COLUMNS, checkLink, checkedRecord, toRecordedEvent, type LogRecord } from './record.ts';
import { CATEGORY } from './schema.ts';

const NO_LIMIT = -1;
const VERIFY_PAGE = 500;
const ANY_STREAM = '*';

/** `upTo` is the position that was looked at last. */
export type Page = { events: RecordedEvent[]; upTo: number };

/** Reads the log beside the writer, on a connection of its own. Everything it returns has been checked. */
export class LogReader {
  private readonly database: Database;
  private readonly statements;

  constructor(path: string) {
    this.database = openDatabase(path);
    this.database.exec('PRAGMA query_only = ON');
    this.database.exec('PRAGMA cache_size = -16000');
    const select = (rest: string) => this.database.prepare(`SELECT ${COLUMNS} FROM events ${rest}`);
    this.statements = {
      stream: select('WHERE stream = ? AND revision >= ? ORDER BY revision LIMIT ?'),
      all: select('WHERE position > ? ORDER BY position LIMIT ?'),
      category: select(`WHERE ${CATEGORY} = ? AND position > ? ORDER BY position LIMIT ?`),
      byStream: select('WHERE (stream, revision) > (?, ?) ORDER BY stream, revision LIMIT ?'),
      last: this.database.prepare('SELECT max(position) AS position FROM events'),
    };
  }

  stream(stream: string, fromRevision: number, limit: number = NO_LIMIT): RecordedEvent[] {
    const from = Math.max(0, fromRevision);
    return reading(stream, 0, () => {
      const records = this.statements.stream.all(stream, from, limit).map(checkedRecord);
      for (const [n, record] of records.entries()) {
        if (n > 0 || from === 0) checkLink(record, records[n - 1]);
        else if (record.revision !== from) throw missing(record);
      }
      return records.map(toRecordedEvent);
    });
  }

  all({ after, limit, categories }: ReadAll): RecordedEvent[] {
    return reading(ANY_STREAM, after, () => {
      const rows = categories
        ? categories.flatMap((category) => this.statements.category.all(category, after, limit))
        : this.statements.all.all(after, limit);
      const records = rows.map(checkedRecord);
      if (categories) records.sort((a, b) => a.position - b.position);
      return records.slice(0, limit).map(toRecordedEvent);
    });
  }

  /**
   * A look at up to `limit` events, fewer when they are large: it stops when `size` characters of data are passed.
   * Gives those of streams that are wanted, and how far it looked.
   */
  page(after: number, limit: number, size: number, wanted: (stream: string) => boolean): Page {
    return reading(ANY_STREAM, after, () => {
      const records: LogRecord[] = [];
      let total = 0;
      let upTo = after;
      for (const row of this.statements.all.iterate(after, limit)) {
        const record = checkedRecord(row);
        upTo = record.position;
        if (wanted(record.stream)) records.push(record);
        total += record.data.length;
        if (total >= size) break;
      }
      return { events: records.map(toRecordedEvent), upTo };
    });
  }

  lastPosition(): number {
    return reading(ANY_STREAM, 0, () => Number(this.statements.last.get()?.position ?? 0));
  }

  /** One page of a walk over all streams, each checked link by link; `before` is the last record of the page before. */
  verifyPage(before: LogRecord | undefined): LogRecord[] {
    return reading(before?.stream ?? ANY_STREAM, before?.position ?? 0, () => {
      const rows: Row[] = this.statements.byStream.all(before?.stream ?? '', before?.revision ?? -1, VERIFY_PAGE);
      const records = rows.map(checkedRecord);
      for (const [n, record] of records.entries()) {
        const previous = n > 0 ? records[n - 1] : before;
        checkLink(record, previous?.stream === record.stream ? previous : undefined);
      }
      return records;
    });
  }

  /** Checks the database's own structure: pages, and indexes against the table. */
  verifyStructure(): void {
    reading(ANY_STREAM, 0, () => {
      const report = this.database.prepare('PRAGMA integrity_check(1)').get()?.integrity_check;
      if (report !== 'ok') throw new DamagedLog(ANY_STREAM, 0, String(report));
    });
  }

  close(): void {
    this.database.close();
  }
}

const missing = (record: LogRecord): DamagedLog =>
  new DamagedLog(record.stream, record.position, 'the record before it is missing');

const reading = <Result>(stream: string, position: number, read: () => Result): Result => {
  try {
    return read();
  } catch (error) {
    const failure = sqliteFailure(error);
    if (failure === 'corrupt') throw new DamagedLog(stream, position, reasonOf(error));
    if (failure === 'busy') throw new TransientError(reasonOf(error), { cause: error });
    if (failure === 'storage') throw new PermanentError(reasonOf(error), { cause: error });
    throw error;
  }
};
