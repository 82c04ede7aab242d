import { DamagedLog } from '@foldline/kernel';
import { rollBack, sqliteFailure, type Database, type SqlValue } from '@foldline/sqlite';
import type { AppendRequest, EncodedEvent } from './append-request.ts';
import { COLUMNS, checkedRecord, hashOf, type LogRecord } from './record.ts';

/** What became of one request. */
export type AppendReply = { key: number } & (
  | { outcome: 'stored' | 'repeated'; revision: number; position: number }
  | { outcome: 'wrong-revision'; actual: number }
  | { outcome: 'id-taken'; id: string; stream: string; revision: number }
  | { outcome: 'damaged'; position: number; detail: string }
);

type Head = { revision: number; hash: string };

const NO_HEAD: Head = { revision: -1, hash: '' };
const MAXIMUM_HEADS = 20_000;

/**
 * Decides and stores batches of appends, each batch in one transaction. Every request is checked before it changes
 * anything, so a refused one does not touch its neighbours.
 */
export class LogWriter {
  /** Where the streams end, for those lately appended to; the oldest are forgotten first. */
  private readonly heads = new Map<string, Head>();
  private position: number;
  private readonly statements;

  constructor(private readonly database: Database) {
    this.statements = {
      begin: database.prepare('BEGIN IMMEDIATE'),
      commit: database.prepare('COMMIT'),
      insert: database.prepare(`INSERT INTO events (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
      head: database.prepare(`SELECT ${COLUMNS} FROM events WHERE stream = ? ORDER BY revision DESC LIMIT 1`),
      byId: database.prepare('SELECT position, stream, revision FROM events WHERE id = ?'),
    };
    this.position = Number(database.prepare('SELECT max(position) AS position FROM events').get()?.position ?? 0);
  }

  /** Stores a batch durably. When this throws, nothing of the batch may be acknowledged. */
  commit(requests: readonly AppendRequest[]): AppendReply[] {
    this.statements.begin.run();
    try {
      const replies = requests.map((request) => this.append(request));
      this.statements.commit.run();
      return replies;
    } catch (error) {
      rollBack(this.database);
      throw error;
    }
  }

  private append(request: AppendRequest): AppendReply {
    try {
      return this.appendAfter(request, this.headOf(request.stream));
    } catch (error) {
      if (!(error instanceof DamagedLog)) throw error;
      return { key: request.key, outcome: 'damaged', position: error.position, detail: error.message };
    }
  }

  private appendAfter(request: AppendRequest, head: Head): AppendReply {
    const { stream, expected, events } = request;
    if (head.revision !== expected) return this.repeatedOrRefused(request, head);
    // A lone event is refused by the index itself, which saves asking it first; several must all be free before any is stored.
    const taken = events.length > 1 ? this.takenBy(request) : undefined;
    if (taken) return taken;
    let last = head;
    try {
      for (const event of events) last = this.insert(request, event, last);
    } catch (error) {
      const refused = sqliteFailure(error) === 'constraint' ? this.takenBy(request) : undefined;
      if (!refused) throw error;
      this.position -= 1;
      return refused;
    }
    this.remember(stream, last);
    return { key: request.key, outcome: 'stored', revision: last.revision, position: this.position };
  }

  /** The refusal of a request one of whose ids is stored already, wherever it stands. */
  private takenBy({ key, events }: AppendRequest): AppendReply | undefined {
    for (const { id } of events) {
      const taken = this.statements.byId.get(id);
      if (taken)
        return { key, outcome: 'id-taken', id, stream: String(taken.stream), revision: Number(taken.revision) };
    }
    return undefined;
  }

  /** A request whose events all stand where it would put them is a repetition of one that was stored. */
  private repeatedOrRefused({ key, stream, expected, events }: AppendRequest, head: Head): AppendReply {
    let position = 0;
    for (const [n, { id }] of events.entries()) {
      const row = this.statements.byId.get(id);
      if (!row || row.stream !== stream || Number(row.revision) !== expected + 1 + n) {
        return { key, outcome: 'wrong-revision', actual: head.revision };
      }
      position = Number(row.position);
    }
    return { key, outcome: 'repeated', revision: expected + events.length, position };
  }

  private insert({ stream, recordedAt }: AppendRequest, event: EncodedEvent, before: Head): Head {
    this.position += 1;
    const unsealed: Omit<LogRecord, 'hash'> = {
      ...event,
      position: this.position,
      stream,
      revision: before.revision + 1,
      recordedAt,
      previousHash: before.hash,
    };
    const hash = hashOf(unsealed);
    this.statements.insert.run(...valuesOf({ ...unsealed, hash }));
    return { revision: unsealed.revision, hash };
  }

  private headOf(stream: string): Head {
    const known = this.heads.get(stream);
    if (known) return known;
    const row = this.statements.head.get(stream);
    // A damaged record must not become the root of new ones.
    return row ? checkedRecord(row) : NO_HEAD;
  }

  private remember(stream: string, { revision, hash }: Head): void {
    this.heads.delete(stream);
    this.heads.set(stream, { revision, hash });
    if (this.heads.size <= MAXIMUM_HEADS) return;
    const oldest = this.heads.keys().next().value;
    if (oldest !== undefined) this.heads.delete(oldest);
  }
}

/** In the order of `COLUMNS`. */
const valuesOf = (record: LogRecord): SqlValue[] => [
  record.position,
  record.stream,
  record.revision,
  record.id,
  record.type,
  record.version,
  record.data,
  record.causation,
  record.correlation,
  record.actor,
  record.recordedAt,
  record.previousHash,
  record.hash,
];
