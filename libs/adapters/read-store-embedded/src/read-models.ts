import type { CountQuery, Document, Page, Query } from '@foldline/kernel';
import type { Database, Statement } from '@foldline/sqlite';
import { rangeOf, type IndexRange } from './index-range.ts';

/** One line of an index: under this value stands the document with this id. */
export type Entry = { index: string; value: string; id: string };

/** The reading half of the store, on any connection. */
export class ReadModels {
  private readonly queries = new Map<string, Statement>();
  private readonly statements;

  constructor(private readonly database: Database) {
    this.statements = {
      get: database.prepare('SELECT doc FROM documents WHERE collection = ? AND id = ?'),
      scan: database.prepare('SELECT id, doc FROM documents WHERE collection = ? AND id > ? ORDER BY id LIMIT ?'),
      entries: database.prepare(`
        SELECT idx, value, id FROM entries WHERE collection = ? AND (idx, value) > (?, ?) ORDER BY idx, value LIMIT ?`),
      position: database.prepare('SELECT position FROM positions WHERE projection = ?'),
    };
  }

  get<Doc extends Document>(collection: string, id: string): Doc | undefined {
    const row = this.statements.get.get(collection, id);
    return row && (JSON.parse(String(row.doc)) as Doc);
  }

  query<Doc extends Document>(collection: string, query: Query): Page<Doc> {
    const range = rangeOf(query);
    if (!range || query.limit < 1) return { items: [] };
    const values = boundsOf(range);
    // One more than asked for tells whether there is a next page.
    const rows = this.queryFor(range, query.reverse).all(collection, query.index, ...values, query.limit + 1);
    const page = rows.slice(0, query.limit);
    const items = page.map((row) => JSON.parse(String(row.doc)) as Doc);
    return rows.length > page.length ? { items, nextCursor: String(page.at(-1)?.value) } : { items };
  }

  count(collection: string, { index, prefix, before, atMost }: CountQuery): number {
    const range = rangeOf({ prefix, after: before, reverse: true });
    if (!range || atMost < 1) return 0;
    return Number(this.countFor(range).get(collection, index, ...boundsOf(range), atMost)?.count);
  }

  scan(collection: string, afterId: string, limit: number): { id: string; doc: Document }[] {
    return this.statements.scan
      .all(collection, afterId, limit)
      .map(({ id, doc }) => ({ id: String(id), doc: JSON.parse(String(doc)) as Document }));
  }

  entries(collection: string, after: Entry | undefined, limit: number): Entry[] {
    return this.statements.entries
      .all(collection, after?.index ?? '', after?.value ?? '', limit)
      .map(({ idx, value, id }) => ({ index: String(idx), value: String(value), id: String(id) }));
  }

  position(projection: string): number {
    return Number(this.statements.position.get(projection)?.position ?? 0);
  }

  private queryFor(range: IndexRange, reverse = false): Statement {
    return this.prepared(`
      SELECT e.value, d.doc FROM entries e CROSS JOIN documents d ON d.collection = e.collection AND d.id = e.id
      WHERE e.collection = ? AND e.idx = ? ${conditionsOf(range)} ORDER BY e.value ${reverse ? 'DESC' : 'ASC'} LIMIT ?`);
  }

  private countFor(range: IndexRange): Statement {
    return this.prepared(`
      SELECT count(*) AS count FROM
        (SELECT 1 FROM entries e WHERE e.collection = ? AND e.idx = ? ${conditionsOf(range)} LIMIT ?)`);
  }

  private prepared(sql: string): Statement {
    const known = this.queries.get(sql);
    if (known) return known;
    const statement = this.database.prepare(sql);
    this.queries.set(sql, statement);
    return statement;
  }
}

const conditionsOf = ({ lower, upper }: IndexRange): string =>
  [
    ...(lower ? [`AND e.value ${lower.inclusive ? '>=' : '>'} ?`] : []),
    ...(upper === undefined ? [] : ['AND e.value < ?']),
  ].join(' ');

/** The values that the conditions of a range ask for, in their order. */
const boundsOf = ({ lower, upper }: IndexRange): string[] => [
  ...(lower ? [lower.value] : []),
  ...(upper === undefined ? [] : [upper]),
];
