export type Document = Record<string, unknown>;

/** A change to one document; `doc: undefined` removes it. Index values sort as text. */
export type Write = {
  collection: string;
  id: string;
  doc: Document | undefined;
  indexes: Readonly<Record<string, string>>;
};

export type Query = {
  index: string;
  /** Only entries whose index value begins with this. */
  prefix?: string;
  reverse?: boolean;
  limit: number;
  /** Exclusive: continue behind this index value (the `nextCursor` of the page before). */
  after?: string;
};

/** Which entries of an index are counted, and how far. */
export type CountQuery = {
  index: string;
  prefix?: string;
  /** Only entries whose index value sorts before this one. */
  before?: string;
  /** The largest answer: counting further would cost more than anybody gains by it. */
  atMost: number;
};

export type Page<Doc> = { items: Doc[]; nextCursor?: string };

/**
 * Documents in collections, found by id or by ordered index keys. Holds only what can be rebuilt from the log.
 * `apply` is atomic: the documents, their index entries and the projection's position change together or not at all.
 * An index value is unique within its collection and index (append the id to make it so).
 */
export interface ReadStore {
  get<Doc extends Document>(collection: string, id: string): Promise<Doc | undefined>;
  query<Doc extends Document>(collection: string, query: Query): Promise<Page<Doc>>;
  count(collection: string, query: CountQuery): Promise<number>;
  /**
   * With `expected`, the position whose documents the writes were folded from, nothing changes when the stored position
   * is another one: somebody else projected meanwhile, or the store lost its memory. Answers the position that is stored
   * afterwards; when it is not `position`, the caller forgets what it folded and goes on from there.
   * After a `TransientError` the change may have been made or not.
   */
  apply(projection: string, position: number, writes: readonly Write[], expected?: number): Promise<number>;
  /** How far a projection has come; 0 when it never ran. */
  position(projection: string): Promise<number>;
  /** Empties collections and forgets the projection's position. */
  reset(projection: string, collections: readonly string[]): Promise<void>;
  /** Every document of a collection in order of id, for comparison and export. */
  scan(collection: string, afterId: string, limit: number): Promise<{ id: string; doc: Document }[]>;
  close(): Promise<void>;
}

/** How current the read models are, for answers that must show what the client just wrote. */
export interface ReadModels {
  /** Position up to which every document is current. */
  position(): number;
  /** True once the documents show everything up to the position; false when the time is over first. */
  reached(position: number, timeoutMs: number): Promise<boolean>;
}
