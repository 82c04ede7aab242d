import type { Document, Query, ReadStore } from './ports/read-store.port.ts';

const PAGE = 100;

/** Every document that the query finds, page by page. */
export async function* everyDocument<Doc extends Document>(
  reads: Pick<ReadStore, 'query'>,
  collection: string,
  query: Omit<Query, 'limit' | 'after'>,
): AsyncGenerator<Doc> {
  for (let after: string | undefined; ;) {
    const page = await reads.query<Doc>(collection, { ...query, limit: PAGE, ...(after ? { after } : {}) });
    yield* page.items;
    if (!page.nextCursor) return;
    after = page.nextCursor;
  }
}
