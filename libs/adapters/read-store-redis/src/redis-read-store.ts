import {
  PermanentError,
  type CountQuery,
  type Document,
  type Page,
  type Query,
  type ReadStore,
  type Write,
} from '@foldline/kernel';
import { keyPart, type RedisConnection } from '@foldline/redis';
import { applyScript } from './apply.script.ts';
import { DocumentReads } from './document-reads.ts';
import { requireNoEviction } from './eviction.ts';
import { lexRangeOf, memberText, valueOf, wellFormed } from './index-text.ts';
import { queryScript, removeScript, replaceScript, resetScript, scanScript } from './read.scripts.ts';

export type RedisReadStoreOptions = {
  /** Shared with others; whoever opened it closes it, after the store. */
  redis: RedisConnection;
  /**
   * Which set of documents: the name of the projections that make them, so that processes of two releases side by side
   * each fold and read their own.
   */
  generation: string;
};

/** What one change may hold in bytes; the server stands still for others while it is made. */
const MAX_APPLY_BYTES = 256 * 1024 * 1024;

/**
 * Read models in Redis. The server may lose them at any time, wholly or back to an earlier moment: the position is lost
 * with them, in one step as they were written, and `apply` tells.
 */
export class RedisReadStore implements ReadStore {
  private readonly redis: RedisConnection;
  private readonly base: string;
  private readonly documents: DocumentReads;
  private closed = false;
  private looked: Promise<void> | undefined;

  constructor(options: RedisReadStoreOptions) {
    this.redis = options.redis;
    this.base = this.redis.key('reads', options.generation);
    this.documents = new DocumentReads(this.redis, this.base);
  }

  async get<Doc extends Document>(collection: string, id: string): Promise<Doc | undefined> {
    this.open();
    const text = await this.documents.get(keyPart(collection), id);
    return text === null ? undefined : (documentIn(text) as Doc);
  }

  async query<Doc extends Document>(collection: string, query: Query): Promise<Page<Doc>> {
    const { base } = this.open();
    const range = lexRangeOf(query);
    if (!range || query.limit < 1) return { items: [] };
    const answer = await this.redis.run(
      'read an index',
      queryScript,
      base,
      keyPart(collection),
      keyPart(query.index),
      range.from,
      range.to,
      query.reverse ? 'REV' : '',
      query.limit,
    );
    const [cursor, texts] = answer as [string | null, string[]];
    const items = texts.map((text) => documentIn(text) as Doc);
    return cursor === null ? { items } : { items, nextCursor: valueOf(cursor) };
  }

  async count(collection: string, { index, prefix, before, atMost }: CountQuery): Promise<number> {
    const { base } = this.open();
    const range = lexRangeOf({ prefix, after: before, reverse: true });
    if (!range || atMost < 1) return 0;
    const key = `${base}:index:${keyPart(collection)}:${keyPart(index)}`;
    return Math.min(atMost, Number(await this.redis.call('count in an index', 'ZLEXCOUNT', key, range.from, range.to)));
  }

  async apply(projection: string, position: number, writes: readonly Write[], expected?: number): Promise<number> {
    const { base } = this.open();
    await (this.looked ??= requireNoEviction(this.redis).catch((error: unknown) => {
      this.looked = undefined;
      throw error;
    }));
    const texts = argumentsOf(writes);
    if (isOver(texts, MAX_APPLY_BYTES))
      throw new PermanentError(`a change of the read models has more than ${MAX_APPLY_BYTES} bytes`);
    const answer = await this.redis.run(
      'change the read models',
      applyScript,
      base,
      projection,
      position,
      expected ?? '',
      ...texts,
    );
    if (!Array.isArray(answer)) return Number(answer);
    const [index, value] = answer.map(String);
    throw new PermanentError(`"${valueOf(value ?? '')}" stands in ${index} for another document already`);
  }

  async position(projection: string): Promise<number> {
    const key = `${this.open().base}:positions`;
    return Number((await this.redis.call('read a position', 'HGET', key, projection)) ?? 0);
  }

  async reset(projection: string, collections: readonly string[]): Promise<void> {
    const { base } = this.open();
    await this.redis.run('empty the read models', resetScript, base, projection, ...collections.map(keyPart));
  }

  async scan(collection: string, afterId: string, limit: number): Promise<{ id: string; doc: Document }[]> {
    const { base } = this.open();
    if (limit < 1) return [];
    const from = afterId === '' ? '(' : `(${wellFormed(afterId)}`;
    const answer = await this.redis.run('read a collection', scanScript, base, keyPart(collection), from, limit);
    const [ids, texts] = answer as [string[], string[]];
    return ids.map((id, n) => ({ id, doc: documentIn(texts[n]) }));
  }

  /**
   * Ends what this store holds and puts another generation's documents and positions in their place, in one step: who
   * reads sees all of the old or all of the new. The other generation is empty afterwards.
   */
  async replaceBy(other: RedisReadStore): Promise<void> {
    const { base } = this.open();
    await this.redis.run('put read models in place', replaceScript, base, other.open().base);
  }

  /** Gives back the memory of this generation: nobody is left who reads it. */
  async remove(): Promise<void> {
    await this.redis.run('remove read models', removeScript, this.open().base);
  }

  /** Leaves the connection open: it is not the store's own. */
  async close(): Promise<void> {
    this.closed = true;
  }

  private open(): { base: string } {
    if (this.closed) throw new PermanentError('the read store is closed');
    return { base: this.base };
  }
}

/** What the script takes for each document; of several writes to one only the last counts. */
const argumentsOf = (writes: readonly Write[]): string[] => {
  const parts = new Map<string, string>();
  const named = (name: string): string => {
    const part = parts.get(name) ?? keyPart(name);
    parts.set(name, part);
    return part;
  };
  // A part of a key has no space in it.
  const last = new Map(writes.map((write) => [`${named(write.collection)} ${write.id}`, write]));
  const texts: string[] = [];
  for (const { collection, id, doc, indexes } of last.values()) {
    const entries = Object.entries(indexes).flatMap(([index, value]) => [named(index), memberText(value)]);
    const text = doc === undefined ? '' : `${JSON.stringify(entries)}\n${JSON.stringify(doc)}`;
    texts.push(named(collection), id, text);
  }
  return texts;
};

/** Counts bytes only where the characters leave it open: each takes one to three. */
const isOver = (texts: readonly string[], limit: number): boolean =>
  texts.reduce((length, text) => length + text.length, 0) > limit / 3 &&
  texts.reduce((bytes, text) => bytes + Buffer.byteLength(text), 0) > limit;

const documentIn = (text: unknown): Document => {
  const stored = String(text);
  return JSON.parse(stored.slice(stored.indexOf('\n') + 1)) as Document;
};

/** Reaches no server yet: the first call does. */
export const openRedisReadStore = (options: RedisReadStoreOptions): RedisReadStore => new RedisReadStore(options);
