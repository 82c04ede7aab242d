import type { PruneReason } from '@foldline/contracts';
import type { RetentionRules } from '../ports/ports.ts';

/** A cache as retention sees it: what it is stored as, and whether something forbids to take it. */
export type KeptCache = {
  id: string;
  projectId: string;
  /** RFC 3339 in UTC with milliseconds, which sorts as text. */
  lastUsedAt: string;
  objects: readonly { digest: string; bytes: number }[];
  /** A job that is at work has restored it. */
  inUse: boolean;
};

/** `frees`: the bytes of its objects that nothing that stays has. */
export type DueCache = { id: string; frees: number; because: PruneReason };

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * The caches that are to go, those first that were used least recently: whatever nobody used for the time of the rules,
 * then as many as bring every project, and all together, below their limits, then as many as free `missingBytes` of the
 * disk. None that is in use is taken, and no object counts as freed that a cache that stays has, too.
 */
export const dueCaches = (
  caches: readonly KeptCache[],
  rules: RetentionRules,
  now: string,
  missingBytes = 0,
): DueCache[] => {
  const stock = new Stock(caches);
  const oldest = caches
    .filter(({ inUse }) => !inUse)
    .toSorted((a, b) => compare(a.lastUsedAt, b.lastUsedAt) || compare(a.id, b.id));
  const due = new Map<string, DueCache>();
  const take = (cache: KeptCache, because: PruneReason): void => {
    due.set(cache.id, { id: cache.id, frees: stock.remove(cache), because });
  };
  const takeWhile = (isTooMuch: (cache: KeptCache) => boolean, because: PruneReason): void => {
    for (const cache of oldest) if (!due.has(cache.id) && isTooMuch(cache)) take(cache, because);
  };

  const unusedSince = new Date(Date.parse(now) - rules.cacheMs).toISOString();
  const { projectCacheBytes = Infinity, cacheBytes = Infinity } = rules;
  takeWhile(({ lastUsedAt }) => lastUsedAt <= unusedSince, {
    rule: 'unused',
    detail: `nobody used it for ${rules.cacheMs / DAY_MS} days`,
  });
  takeWhile(({ projectId }) => stock.bytesOf(projectId) > projectCacheBytes, {
    rule: 'project_limit',
    detail: `the caches of its project take more than ${projectCacheBytes} bytes, and others were used later`,
  });
  takeWhile(() => stock.bytes > cacheBytes, {
    rule: 'total_limit',
    detail: `all caches take more than ${cacheBytes} bytes, and others were used later`,
  });
  const before = stock.bytes;
  takeWhile(() => before - stock.bytes < missingBytes, {
    rule: 'disk_reserve',
    detail: `${missingBytes} bytes are missing to the ${rules.diskReserveBytes} that are to be free, and others were used later`,
  });
  return [...due.values()];
};

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Which objects lie there for how many caches, in all and for each project. */
class Stock {
  private readonly all = new Shelf();
  private readonly ofProject = new Map<string, Shelf>();

  constructor(caches: readonly KeptCache[]) {
    for (const cache of caches) {
      this.all.put(cache);
      const shelf = this.ofProject.get(cache.projectId) ?? new Shelf();
      this.ofProject.set(cache.projectId, shelf);
      shelf.put(cache);
    }
  }

  get bytes(): number {
    return this.all.bytes;
  }

  bytesOf(projectId: string): number {
    return this.ofProject.get(projectId)?.bytes ?? 0;
  }

  /** Answers the bytes that this frees. */
  remove(cache: KeptCache): number {
    this.ofProject.get(cache.projectId)?.take(cache);
    return this.all.take(cache);
  }
}

class Shelf {
  bytes = 0;
  private readonly users = new Map<string, number>();

  put({ objects }: KeptCache): void {
    for (const { digest, bytes } of distinct(objects)) {
      const users = this.users.get(digest) ?? 0;
      if (users === 0) this.bytes += bytes;
      this.users.set(digest, users + 1);
    }
  }

  take({ objects }: KeptCache): number {
    let freed = 0;
    for (const { digest, bytes } of distinct(objects)) {
      const users = this.users.get(digest)! - 1;
      this.users.set(digest, users);
      if (users === 0) freed += bytes;
    }
    this.bytes -= freed;
    return freed;
  }
}

const distinct = (objects: KeptCache['objects']): KeptCache['objects'] => [
  ...new Map(objects.map((object) => [object.digest, object])).values(),
];
