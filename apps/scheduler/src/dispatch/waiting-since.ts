import { COLLECTION, queuePrefix, type JobDoc } from '@foldline/contracts';
import type { ReadStore } from '@foldline/kernel';
import type { Since } from './dispatch-picture.ts';

const PAGE = 200;

/** Where each job was queued that waits for a runner, by its id. Costs what waits, once at the start of a scheduler. */
export const waitingSince = async (reads: ReadStore): Promise<Map<string, Since>> => {
  const since = new Map<string, Since>();
  for (let after: string | undefined; ;) {
    const query = {
      index: 'byQueue',
      prefix: queuePrefix('runner'),
      limit: PAGE,
      ...(after !== undefined && { after }),
    };
    const page = await reads.query<JobDoc>(COLLECTION.jobs, query);
    for (const { id, queuedAt, queuedPosition } of page.items)
      if (queuedAt !== undefined) since.set(id, { recordedAt: queuedAt, position: queuedPosition! });
    if (page.nextCursor === undefined) return since;
    after = page.nextCursor;
  }
};
