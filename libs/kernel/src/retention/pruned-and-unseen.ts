import { COLLECTION, type JobDoc, type PruningDoc } from '@foldline/contracts';
import { everyDocument } from '../every-document.ts';
import type { ReadStore } from '../ports/read-store.port.ts';

type Reads = Pick<ReadStore, 'query'>;

/**
 * What was pruned and may go now. A job that was given to its runner before may have looked the tree up, or build what it
 * keeps next upon its layers; where the pruning is `fresh`, jobs that came since may have seen the older documents.
 */
export const prunedAndUnseen = async (
  reads: Reads,
  isFresh: (pruning: PruningDoc) => boolean,
): Promise<{ unseen: PruningDoc[]; waitingBytes: number }> => {
  const unseen: PruningDoc[] = [];
  let waitingBytes = 0;
  const atWork = await jobsAtWork(reads);
  for await (const pruning of everyDocument<PruningDoc>(reads, COLLECTION.prunings, { index: 'byPosition' })) {
    if (pruning.kind !== 'log' && isSeen(pruning, atWork.get(pruning.projectId) ?? [], isFresh(pruning)))
      waitingBytes += pruning.bytes;
    else unseen.push(pruning);
  }
  return { unseen, waitingBytes };
};

const jobsAtWork = async (reads: Reads): Promise<Map<string, JobDoc[]>> => {
  const found = new Map<string, JobDoc[]>();
  for await (const job of everyDocument<JobDoc>(reads, COLLECTION.jobs, { index: 'atWork' }))
    found.set(job.projectId, [...(found.get(job.projectId) ?? []), job]);
  return found;
};

type PrunedTree = Exclude<PruningDoc, { kind: 'log' }>;

const isSeen = (pruning: PrunedTree, jobs: readonly JobDoc[], fresh: boolean): boolean =>
  jobs.some((job) => fresh || assignedAt(job) < pruning.position || hasUsed(job, pruning));

const hasUsed = (job: JobDoc, pruning: PrunedTree): boolean =>
  pruning.kind === 'snapshot'
    ? job.id === pruning.jobId
    : job.caches.some(({ cacheId }) => cacheId === pruning.cacheId);

/** Of what early releases recorded nothing tells it; then it was before. */
const assignedAt = ({ why }: JobDoc): number => why.findLast(({ event }) => event === 'JobAssigned')?.position ?? 0;
