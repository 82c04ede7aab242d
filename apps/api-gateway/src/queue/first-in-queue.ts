import { COLLECTION, MOST_IMPORTANT, queuePrefix, type JobDoc } from '@foldline/contracts';
import { rankOf, type QueueRules, type ReadStore } from '@foldline/kernel';

const PAGE = 100;
const PRIORITIES = Array.from({ length: MOST_IMPORTANT + 1 }, (_, priority) => priority);

type Part = { prefix: string; jobs: JobDoc[]; next: number; cursor?: string | undefined };

/** As `rankOf` has it. */
export const placeOf = ({ priority, queuedAt, queuedPosition }: JobDoc) => ({
  priority,
  queuedAt: Date.parse(queuedAt!),
  position: queuedPosition!,
});

/**
 * Those of the jobs that wait for a runner that come first by priority and waiting, at most so many. Reads little more
 * than it answers with, however many wait: jobs of one priority lie in the order in which they were queued.
 */
export const firstInQueue = async (reads: ReadStore, rules: QueueRules, atMost: number): Promise<JobDoc[]> => {
  const parts = await Promise.all(
    PRIORITIES.map((priority) => read(reads, { prefix: queuePrefix('runner', priority) })),
  );
  const found: JobDoc[] = [];
  while (found.length < atMost) {
    const [best] = parts.filter(({ jobs, next }) => next < jobs.length).toSorted((a, b) => rank(a) - rank(b));
    if (!best) break;
    found.push(best.jobs[best.next]!);
    best.next += 1;
    if (best.next === best.jobs.length && best.cursor !== undefined) Object.assign(best, await read(reads, best));
  }
  return found;

  function rank({ jobs, next }: Part): number {
    return rankOf(placeOf(jobs[next]!), rules);
  }
};

const read = async (reads: ReadStore, { prefix, cursor: after }: Pick<Part, 'prefix' | 'cursor'>): Promise<Part> => {
  const query = { index: 'byQueue', prefix, limit: PAGE, ...(after !== undefined && { after }) };
  const { items, nextCursor } = await reads.query<JobDoc>(COLLECTION.jobs, query);
  return { prefix, jobs: items, next: 0, cursor: nextCursor };
};
