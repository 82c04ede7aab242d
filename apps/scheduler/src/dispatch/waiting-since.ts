import { COLLECTION, type JobDoc } from '@foldline/contracts';
import type { ReadStore } from '@foldline/kernel';

const PAGE = 200;

/** Since when each job waits that waits for a runner, by its id; RFC 3339. */
export const waitingSince = async (reads: ReadStore): Promise<Map<string, string>> => {
  const since = new Map<string, string>();
  for (let after: string | undefined; ;) {
    const query = { index: 'byQueue', limit: PAGE, ...(after !== undefined && { after }) };
    const page = await reads.query<JobDoc>(COLLECTION.jobs, query);
    for (const { id, queuedAt } of page.items) if (queuedAt !== undefined) since.set(id, queuedAt);
    if (page.nextCursor === undefined) return since;
    after = page.nextCursor;
  }
};
