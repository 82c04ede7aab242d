import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { dueCaches, type KeptCache } from './due-caches.ts';
import type { Going } from './stock.ts';

const DAY = 24 * 60 * 60 * 1000;
const NOW = '2030-03-01T00:00:00.000Z';
const RULES = { cacheMs: 30 * DAY, snapshotMs: 7 * DAY, submittedLogMs: 7 * DAY, diskReserveBytes: 100 };
const daysAgo = (days: number): string => new Date(Date.parse(NOW) - days * DAY).toISOString();

const cache = (id: string, unusedDays: number, more: Partial<KeptCache> = {}): KeptCache => ({
  id,
  projectId: 'pr1',
  lastUsedAt: daysAgo(unusedDays),
  objects: [{ digest: id, bytes: 10 }],
  inUse: false,
  ...more,
});
const found = (due: readonly Going[]): [string, string, number][] =>
  due.map(({ id, because, frees }) => [id, because.rule, frees]);

describe('A cache', () => {
  it('is due when nobody has used it for the time of the rules, and not a moment before', () => {
    const almost = cache('almost', 30, { lastUsedAt: new Date(Date.parse(daysAgo(30)) + 1).toISOString() });
    expect(found(dueCaches([cache('over', 30), almost], RULES, NOW))).toEqual([['over', 'unused', 10]]);
  });

  it('says in words why it is due', () => {
    expect(dueCaches([cache('over', 31)], RULES, NOW)[0]?.because.detail).toBe('nobody used it for 30 days');
  });

  it('stays while a job has it, however old it is', () => {
    expect(dueCaches([cache('over', 99, { inUse: true })], RULES, NOW)).toEqual([]);
  });

  it('frees only the layers that no other one has', () => {
    const shared = { digest: 'base', bytes: 50 };
    const over = cache('over', 40, { objects: [shared, { digest: 'top', bytes: 3 }] });
    expect(found(dueCaches([over, cache('used', 1, { objects: [shared] })], RULES, NOW))).toEqual([
      ['over', 'unused', 3],
    ]);
  });

  it('frees a layer with the last one that has it', () => {
    const objects = [{ digest: 'base', bytes: 50 }];
    const both = [cache('first', 41, { objects }), cache('second', 40, { objects })];
    expect(found(dueCaches(both, RULES, NOW))).toEqual([
      ['first', 'unused', 0],
      ['second', 'unused', 50],
    ]);
  });
});

describe('What something else has, too', () => {
  it('counts for limits, and is not freed', () => {
    const two = [cache('a', 3), cache('b', 2)];
    const held = new Set(['a']);
    expect(found(dueCaches(two, { ...RULES, cacheBytes: 15 }, NOW, { held }))).toEqual([['a', 'total_limit', 0]]);
    expect(found(dueCaches(two, RULES, NOW, { held, missingBytes: 1 }))).toEqual([
      ['a', 'disk_reserve', 0],
      ['b', 'disk_reserve', 10],
    ]);
  });
});

describe('A limit', () => {
  const four = [cache('c', 1), cache('a', 3), cache('b', 2), cache('other', 9, { projectId: 'pr2' })];

  it('of a project takes those of it that were used least recently, until the rest is below', () => {
    expect(found(dueCaches(four, { ...RULES, projectCacheBytes: 15 }, NOW))).toEqual([
      ['a', 'project_limit', 10],
      ['b', 'project_limit', 10],
    ]);
  });

  it('of all takes those that were used least recently, whosever they are', () => {
    expect(found(dueCaches(four, { ...RULES, cacheBytes: 25 }, NOW))).toEqual([
      ['other', 'total_limit', 10],
      ['a', 'total_limit', 10],
    ]);
  });

  it('leaves what a job has, and takes what was used later instead', () => {
    const used = [cache('a', 3, { inUse: true }), cache('b', 2)];
    expect(found(dueCaches(used, { ...RULES, cacheBytes: 10 }, NOW))).toEqual([['b', 'total_limit', 10]]);
  });
});

describe('What is missing on the disk', () => {
  it('is freed by those that were used least recently, before their time', () => {
    const three = [cache('a', 3), cache('b', 2), cache('c', 1)];
    expect(found(dueCaches(three, RULES, NOW, { missingBytes: 11 }))).toEqual([
      ['a', 'disk_reserve', 10],
      ['b', 'disk_reserve', 10],
    ]);
  });
});

describe('Whatever there is', () => {
  const digests = ['l1', 'l2', 'l3', 'l4', 'l5'];
  const some = fc.uniqueArray(
    fc.record({
      id: fc.string({ minLength: 1, maxLength: 3 }),
      projectId: fc.constantFrom('pr1', 'pr2'),
      lastUsedAt: fc.integer({ min: 0, max: 60 }).map(daysAgo),
      objects: fc
        .subarray(digests, { minLength: 1 })
        .map((chosen) => chosen.map((digest) => ({ digest, bytes: digests.indexOf(digest) + 1 }))),
      inUse: fc.boolean(),
    }),
    { selector: ({ id }) => id, maxLength: 12 },
  );
  const limits = fc.record(
    { projectCacheBytes: fc.integer({ min: 1, max: 20 }), cacheBytes: fc.integer({ min: 1, max: 20 }) },
    { requiredKeys: [] },
  );
  const missing = fc.constantFrom(0, 3, 100);
  const stored = (caches: readonly KeptCache[]): number =>
    [...new Map(caches.flatMap(({ objects }) => objects.map((o) => [o.digest, o.bytes] as const))).values()].reduce(
      (sum, bytes) => sum + bytes,
      0,
    );

  it('nothing that is in use is taken, nothing twice, and what is freed is what no cache has that stays', () => {
    fc.assert(
      fc.property(some, limits, missing, (caches, given, missingBytes) => {
        const due = dueCaches(caches, { ...RULES, ...given }, NOW, { missingBytes });
        const taken = new Set(due.map(({ id }) => id));
        const staying = caches.filter(({ id }) => !taken.has(id));
        expect(taken.size).toBe(due.length);
        expect(caches.filter(({ id, inUse }) => inUse && taken.has(id))).toEqual([]);
        expect(due.reduce((sum, { frees }) => sum + frees, 0)).toBe(stored(caches) - stored(staying));
      }),
    );
  });

  it('what stays is within the limits, or in use', () => {
    fc.assert(
      fc.property(some, limits, (caches, given) => {
        const taken = new Set(dueCaches(caches, { ...RULES, ...given }, NOW).map(({ id }) => id));
        const staying = caches.filter(({ id }) => !taken.has(id));
        const isFree = ({ inUse }: KeptCache): boolean => !inUse;
        if (stored(staying) > (given.cacheBytes ?? Infinity)) expect(staying.filter(isFree)).toEqual([]);
        for (const projectId of ['pr1', 'pr2']) {
          const own = staying.filter((each) => each.projectId === projectId);
          if (stored(own) > (given.projectCacheBytes ?? Infinity)) expect(own.filter(isFree)).toEqual([]);
        }
      }),
    );
  });

  it('the order in which it is listed makes no difference', () => {
    fc.assert(
      fc.property(some, limits, missing, (caches, given, missingBytes) => {
        const rules = { ...RULES, ...given };
        expect(dueCaches(caches.toReversed(), rules, NOW, { missingBytes })).toEqual(
          dueCaches(caches, rules, NOW, { missingBytes }),
        );
      }),
    );
  });
});
