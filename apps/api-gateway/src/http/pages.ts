import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { Refusal, type Document, type Page, type ReadStore } from '@foldline/kernel';
import type { FastifyReply, FastifyRequest } from './fastify.ts';

export const DEFAULT_LIMIT = 50;
export const MAX_LIMIT = 200;
/** Documents that one filtered page looks at before it answers with what it has found. */
const SCANNED_PER_PAGE = 1000;

/** `?minPosition=` of every read: it begins when the documents show everything up to there. */
export class ReadQuery {
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  minPosition?: number;
}

/** `?limit=&cursor=` of every list. */
export class PageQuery extends ReadQuery {
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(MAX_LIMIT)
  limit?: number;

  @IsOptional()
  @IsString()
  @MaxLength(2048)
  cursor?: string;
}

const CURSOR = /^[A-Za-z0-9_-]+$/;
type Listed = { collection: string; index: string };

/** It names its list, so that one of another list, or one that nobody has made, is known as such. */
const encodeCursor = ({ collection, index }: Listed, key: string): string =>
  Buffer.from(`${collection}/${index}/${key}`, 'utf8').toString('base64url');

const decodeCursor = ({ collection, index, prefix = '' }: Listed & { prefix?: string }, cursor: string): string => {
  const text = CURSOR.test(cursor) ? Buffer.from(cursor, 'base64url').toString('utf8') : '';
  const start = `${collection}/${index}/`;
  if (!text.startsWith(start + prefix))
    throw new Refusal('invalid_cursor', 'this cursor does not belong to this list', { pointer: '/cursor' });
  return text.slice(start.length);
};

export type List<Doc> = {
  collection: string;
  index: string;
  prefix?: string;
  reverse?: boolean;
  /** Only documents for which this holds; needs `keyOf`, because a page may end on one that does not. */
  filter?: { keep: (doc: Doc) => boolean; keyOf: (doc: Doc) => string };
};

/** One page of a list; a filtered one may be short, or empty, and still have a next. */
export const readPage = async <Doc extends Document>(
  reads: ReadStore,
  list: List<Doc>,
  query: PageQuery,
): Promise<Page<Doc>> => {
  const { collection, index, prefix = '', reverse = false, filter } = list;
  const limit = query.limit ?? DEFAULT_LIMIT;
  let after = query.cursor === undefined ? undefined : decodeCursor(list, query.cursor);
  const items: Doc[] = [];
  for (let scanned = 0; ;) {
    const want = filter ? MAX_LIMIT : limit;
    const page = await reads.query<Doc>(collection, {
      index,
      prefix,
      reverse,
      limit: want,
      ...(after ? { after } : {}),
    });
    for (const doc of page.items) {
      if (!filter || filter.keep(doc)) items.push(doc);
      if (filter && items.length === limit) return { items, nextCursor: encodeCursor(list, filter.keyOf(doc)) };
    }
    scanned += page.items.length;
    if (page.nextCursor === undefined) return { items };
    if (!filter || scanned >= SCANNED_PER_PAGE) return { items, nextCursor: encodeCursor(list, page.nextCursor) };
    after = page.nextCursor;
  }
};

/** The page as an answer: the next one is also in `Link` (RFC 8288). */
export const answerPage = <Doc, Item>(
  page: Page<Doc>,
  itemOf: (doc: Doc) => Item,
  request: FastifyRequest,
  reply: FastifyReply,
): { items: Item[]; nextCursor?: string } => {
  if (page.nextCursor === undefined) return { items: page.items.map(itemOf) };
  const url = new URL(request.url, 'http://localhost');
  url.searchParams.set('cursor', page.nextCursor);
  void reply.header('link', `<${url.pathname}${url.search}>; rel="next"`);
  return { items: page.items.map(itemOf), nextCursor: page.nextCursor };
};
