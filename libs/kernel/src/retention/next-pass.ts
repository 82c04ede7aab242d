import {
  COLLECTION,
  logAgePrefix,
  type CacheDoc,
  type JobDoc,
  type PruneReason,
  type PruningDoc,
} from '@foldline/contracts';
import { everyDocument } from '../every-document.ts';
import type { RetentionRules } from '../ports/ports.ts';
import type { ReadStore } from '../ports/read-store.port.ts';
import { dueCaches, type KeptCache } from './due-caches.ts';

type Reads = Pick<ReadStore, 'query'>;

/** What the next look at what is kept takes, and why. `bytes` are those that it frees. */
export type Due = { bytes: number; lastUsedAt: string; because: PruneReason } & (
  { kind: 'cache'; cache: CacheDoc } | { kind: 'log'; job: JobDoc }
);
/** What a pass looks at, and what is missing on the disk. */
export type PassFacts = { rules: RetentionRules; now: string; missingBytes?: number };

/** Whatever is over by the rules, one kind after the other; a further kind is one more line here. */
export async function* nextPass(reads: Reads, facts: PassFacts): AsyncGenerator<Due> {
  yield* dueOfCaches(reads, facts);
  yield* dueLogs(reads, facts);
}

/** Costs one look at every cache: what shares its layers, and how much there is, only all of them tell. */
async function* dueOfCaches(reads: Reads, { rules, now, missingBytes }: PassFacts): AsyncGenerator<Due> {
  const inUse = await cachesAtWork(reads);
  const known = new Map<string, CacheDoc>();
  for await (const cache of everyDocument<CacheDoc>(reads, COLLECTION.caches, { index: 'byUse' }))
    known.set(cache.id, cache);
  const kept = [...known.values()].map((cache) => keptCache(cache, inUse.has(cache.id)));
  for (const { id, frees, because } of dueCaches(kept, rules, now, missingBytes)) {
    const cache = known.get(id)!;
    yield { kind: 'cache', cache, bytes: frees, lastUsedAt: cache.lastUsedAt, because };
  }
}

/** Early releases kept an object for each file: such a cache counts as what its files have, and shares nothing. */
const keptCache = (cache: CacheDoc, inUse: boolean): KeptCache => ({
  id: cache.id,
  projectId: cache.projectId,
  lastUsedAt: cache.lastUsedAt,
  objects: cache.layers ?? [{ digest: cache.manifestDigest, bytes: cache.bytes }],
  inUse,
});

const cachesAtWork = async (reads: Reads): Promise<Set<string>> => {
  const found = new Set<string>();
  for await (const { caches } of everyDocument<JobDoc>(reads, COLLECTION.jobs, { index: 'atWork' }))
    for (const { cacheId } of caches) if (cacheId !== undefined) found.add(cacheId);
  return found;
};

const DAY_MS = 24 * 60 * 60 * 1000;

async function* dueLogs(reads: Reads, { rules, now }: PassFacts): AsyncGenerator<Due> {
  for (const [submitted, ms] of [
    [true, rules.submittedLogMs],
    [false, rules.logMs],
  ] as const) {
    if (ms === undefined) continue;
    const endedBy = new Date(Date.parse(now) - ms).toISOString();
    const because = { rule: 'age', detail: `its job ended more than ${ms / DAY_MS} days ago` } as const;
    const ended = { index: 'byLogAge', prefix: logAgePrefix(submitted) };
    for await (const job of everyDocument<JobDoc>(reads, COLLECTION.jobs, ended)) {
      if (job.finishedAt! > endedBy) break;
      yield { kind: 'log', job, bytes: job.log!.bytes, lastUsedAt: job.finishedAt!, because };
    }
  }
}

/**
 * What was pruned and may go now. A job that was given to its runner before may have looked the cache up, or build its
 * next save upon its layers; where the pruning is `fresh`, jobs that came since may have seen the older documents.
 */
export const prunedAndUnseen = async (
  reads: Reads,
  isFresh: (pruning: PruningDoc) => boolean,
): Promise<{ unseen: PruningDoc[]; waitingBytes: number }> => {
  const unseen: PruningDoc[] = [];
  let waitingBytes = 0;
  const atWork = await jobsAtWork(reads);
  for await (const pruning of everyDocument<PruningDoc>(reads, COLLECTION.prunings, { index: 'byPosition' })) {
    if (pruning.kind === 'cache' && isSeen(pruning, atWork.get(pruning.projectId) ?? [], isFresh(pruning)))
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

const isSeen = (pruning: PruningDoc & { kind: 'cache' }, jobs: readonly JobDoc[], fresh: boolean): boolean =>
  jobs.some(
    (job) =>
      fresh || assignedAt(job) < pruning.position || job.caches.some(({ cacheId }) => cacheId === pruning.cacheId),
  );

/** Of what early releases recorded nothing tells it; then it was before. */
const assignedAt = ({ why }: JobDoc): number => why.findLast(({ event }) => event === 'JobAssigned')?.position ?? 0;
