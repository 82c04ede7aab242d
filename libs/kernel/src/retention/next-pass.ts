import {
  COLLECTION,
  logAgePrefix,
  type CacheDoc,
  type JobDoc,
  type PruneReason,
  type SnapshotDoc,
} from '@foldline/contracts';
import { everyDocument } from '../every-document.ts';
import type { RetentionRules } from '../ports/ports.ts';
import type { ReadStore } from '../ports/read-store.port.ts';
import { dueCaches, type KeptCache } from './due-caches.ts';
import { dueSnapshots } from './due-snapshots.ts';
import { keptSnapshots } from './kept-snapshots.ts';
import { DAY_MS, type Kept } from './stock.ts';

type Reads = Pick<ReadStore, 'query' | 'get'>;

/** What the next look at what is kept takes, and why. `bytes` are those that it frees. */
export type Due = { bytes: number; lastUsedAt: string; because: PruneReason } & (
  | { kind: 'snapshot'; snapshot: SnapshotDoc; job: JobDoc | undefined }
  | { kind: 'cache'; cache: CacheDoc }
  | { kind: 'log'; job: JobDoc }
);
/** What a pass looks at, and what is missing on the disk. */
export type PassFacts = { rules: RetentionRules; now: string; missingBytes?: number };

/** Whatever is over by the rules, one kind after the other; a further kind is one more line here. */
export async function* nextPass(reads: Reads, facts: PassFacts): AsyncGenerator<Due> {
  yield* dueTrees(reads, facts);
  yield* dueLogs(reads, facts);
}

/**
 * Snapshots, and then caches: these save more work for what they take. Costs one look at every one of both, since what
 * shares its layers, and how much there is, only all of them tell.
 */
async function* dueTrees(reads: Reads, { rules, now, missingBytes = 0 }: PassFacts): AsyncGenerator<Due> {
  const caches = await keptCaches(reads);
  const snapshots = await keptSnapshots(reads, { takenBy: missingBytes > 0 ? now : before(now, rules.snapshotMs) });
  const ofCaches = objectsOf(caches.map(({ kept }) => kept));
  const going = dueSnapshots(
    snapshots.map(({ kept }) => kept),
    rules,
    now,
    { held: ofCaches, missingBytes },
  );
  const known = new Map(snapshots.map((each) => [each.kept.id, each]));
  let freed = 0;
  for (const { id, frees, because } of going) {
    const { snapshot, job } = known.get(id)!;
    known.delete(id);
    freed += frees;
    yield { kind: 'snapshot', snapshot, job, bytes: frees, lastUsedAt: snapshot.takenAt, because };
  }
  const left = { held: objectsOf([...known.values()].map(({ kept }) => kept)), missingBytes: missingBytes - freed };
  yield* dueOfCaches(caches, rules, now, left);
}

function* dueOfCaches(
  caches: readonly { cache: CacheDoc; kept: KeptCache }[],
  rules: RetentionRules,
  now: string,
  left: { held: ReadonlySet<string>; missingBytes: number },
): Generator<Due> {
  const known = new Map(caches.map(({ cache }) => [cache.id, cache]));
  const kept = caches.map((each) => each.kept);
  for (const { id, frees, because } of dueCaches(kept, rules, now, left)) {
    const cache = known.get(id)!;
    yield { kind: 'cache', cache, bytes: frees, lastUsedAt: cache.lastUsedAt, because };
  }
}

const keptCaches = async (reads: Reads): Promise<{ cache: CacheDoc; kept: KeptCache }[]> => {
  const inUse = await cachesAtWork(reads);
  const known = new Map<string, CacheDoc>();
  for await (const cache of everyDocument<CacheDoc>(reads, COLLECTION.caches, { index: 'byUse' }))
    known.set(cache.id, cache);
  return [...known.values()].map((cache) => ({ cache, kept: keptCache(cache, inUse.has(cache.id)) }));
};

/** Early releases kept an object for each file: such a cache counts as what its files have, and shares nothing. */
const keptCache = (cache: CacheDoc, inUse: boolean): KeptCache => ({
  id: cache.id,
  projectId: cache.projectId,
  lastUsedAt: cache.lastUsedAt,
  objects: cache.layers ?? [{ digest: cache.manifestDigest, bytes: cache.bytes }],
  inUse,
});

const objectsOf = (kept: readonly Kept[]): Set<string> =>
  new Set(kept.flatMap(({ objects }) => objects.map(({ digest }) => digest)));

const cachesAtWork = async (reads: Reads): Promise<Set<string>> => {
  const found = new Set<string>();
  for await (const { caches } of everyDocument<JobDoc>(reads, COLLECTION.jobs, { index: 'atWork' }))
    for (const { cacheId } of caches) if (cacheId !== undefined) found.add(cacheId);
  return found;
};

const before = (now: string, ms: number): string => new Date(Date.parse(now) - ms).toISOString();

async function* dueLogs(reads: Reads, { rules, now }: PassFacts): AsyncGenerator<Due> {
  for (const [submitted, ms] of [
    [true, rules.submittedLogMs],
    [false, rules.logMs],
  ] as const) {
    if (ms === undefined) continue;
    const endedBy = before(now, ms);
    const because = { rule: 'age', detail: `its job ended more than ${ms / DAY_MS} days ago` } as const;
    const ended = { index: 'byLogAge', prefix: logAgePrefix(submitted) };
    for await (const job of everyDocument<JobDoc>(reads, COLLECTION.jobs, ended)) {
      if (job.finishedAt! > endedBy) break;
      yield { kind: 'log', job, bytes: job.log!.bytes, lastUsedAt: job.finishedAt!, because };
    }
  }
}
