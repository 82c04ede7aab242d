import type { PruneReason } from '@foldline/contracts';
import type { RetentionRules } from '../ports/ports.ts';
import { DAY_MS, oldestFirst, Stock, type Going, type Kept } from './stock.ts';

/** A cache as retention sees it. It is in use while a job is at work that has restored it. */
export type KeptCache = Kept & { lastUsedAt: string };

/**
 * The caches that are to go, those first that were used least recently: whatever nobody used for the time of the rules,
 * then as many as bring every project, and all together, below their limits, then as many as free `missingBytes` of the
 * disk. None that is in use is taken, and no object counts as freed that a cache that stays has, too, or that is `held` by
 * something else.
 */
export const dueCaches = (
  caches: readonly KeptCache[],
  rules: RetentionRules,
  now: string,
  { held = new Set(), missingBytes = 0 }: { held?: ReadonlySet<string>; missingBytes?: number } = {},
): Going[] => {
  const stock = new Stock(caches, held);
  const oldest = oldestFirst(caches, ({ lastUsedAt }) => lastUsedAt);
  const due = new Map<string, Going>();
  let freed = 0;
  const take = (cache: KeptCache, because: PruneReason): void => {
    const frees = stock.remove(cache);
    freed += frees;
    due.set(cache.id, { id: cache.id, frees, because });
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
  const before = freed;
  takeWhile(() => freed - before < missingBytes, {
    rule: 'disk_reserve',
    detail: `${missingBytes} bytes are missing to the ${rules.diskReserveBytes} that are to be free, and others were used later`,
  });
  return [...due.values()];
};
