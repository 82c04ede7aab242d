import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { dueSnapshots, type KeptSnapshot } from './due-snapshots.ts';
import { DAY_MS } from './stock.ts';

const NOW = '2030-03-01T00:00:00.000Z';
const RULES = { snapshotMs: 7 * DAY_MS, diskReserveBytes: 100 };
const daysAgo = (days: number): string => new Date(Date.parse(NOW) - days * DAY_MS).toISOString();

const snapshot = (id: string, days: number, more: Partial<KeptSnapshot> = {}): KeptSnapshot => ({
  id,
  projectId: 'pr1',
  takenAt: daysAgo(days),
  objects: [{ digest: id, bytes: 10 }],
  inUse: false,
  ...more,
});
type Others = Parameters<typeof dueSnapshots>[3];
const found = (snapshots: readonly KeptSnapshot[], others?: Others): [string, string, number][] =>
  dueSnapshots(snapshots, RULES, NOW, others).map(({ id, because, frees }) => [id, because.rule, frees]);

describe('A snapshot', () => {
  it('is due when it was taken as long ago as the rules say, and not a moment before', () => {
    const almost = snapshot('almost', 7, { takenAt: new Date(Date.parse(daysAgo(7)) + 1).toISOString() });
    expect(found([almost, snapshot('over', 7)])).toEqual([['over', 'age', 10]]);
  });

  it('says in words why it is due', () => {
    expect(dueSnapshots([snapshot('over', 8)], RULES, NOW)[0]?.because.detail).toBe(
      'it was taken more than 7 days ago',
    );
  });

  it('stays while it is in use, however old it is', () => {
    expect(found([snapshot('over', 99, { inUse: true })], { missingBytes: 99 })).toEqual([]);
  });

  it('frees only what no later one and nothing else has', () => {
    const objects = ['first', 'in a cache', 'own'].map((digest) => ({ digest, bytes: 10 }));
    const later = snapshot('later', 1, { objects: objects.slice(0, 1) });
    expect(found([snapshot('over', 8, { objects }), later], { held: new Set(['in a cache']) })).toEqual([
      ['over', 'age', 10],
    ]);
  });
});

describe('What is missing on the disk', () => {
  it('is freed by those that were taken first, before their time', () => {
    const three = [snapshot('c', 1), snapshot('a', 3), snapshot('b', 2)];
    expect(found(three, { missingBytes: 11 })).toEqual([
      ['a', 'disk_reserve', 10],
      ['b', 'disk_reserve', 10],
    ]);
  });

  it('is less by what goes because of its age', () => {
    const three = [snapshot('over', 8), snapshot('a', 3), snapshot('b', 2)];
    expect(found(three, { missingBytes: 20 }).map(([id, rule]) => [id, rule])).toEqual([
      ['over', 'age'],
      ['a', 'disk_reserve'],
    ]);
  });
});

describe('Whatever there is', () => {
  const digests = ['l1', 'l2', 'l3', 'l4'];
  const some = fc.uniqueArray(
    fc.record({
      id: fc.string({ minLength: 1, maxLength: 3 }),
      projectId: fc.constantFrom('pr1', 'pr2'),
      takenAt: fc.integer({ min: 0, max: 14 }).map(daysAgo),
      objects: fc.subarray(digests).map((chosen) => chosen.map((digest) => ({ digest, bytes: 10 }))),
      inUse: fc.boolean(),
    }),
    { selector: ({ id }) => id, maxLength: 10 },
  );
  const stored = (snapshots: readonly KeptSnapshot[], held: ReadonlySet<string>): Set<string> =>
    new Set(snapshots.flatMap(({ objects }) => objects.map(({ digest }) => digest)).filter((each) => !held.has(each)));

  it('nothing that is in use is taken, nothing twice, and what is freed is what nothing has that stays', () => {
    fc.assert(
      fc.property(some, fc.subarray(digests), fc.constantFrom(0, 10, 99), (snapshots, holding, missingBytes) => {
        const held = new Set(holding);
        const due = dueSnapshots(snapshots, RULES, NOW, { held, missingBytes });
        const taken = new Set(due.map(({ id }) => id));
        const staying = snapshots.filter(({ id }) => !taken.has(id));
        expect(taken.size).toBe(due.length);
        expect(snapshots.filter(({ id, inUse }) => inUse && taken.has(id))).toEqual([]);
        const freed = stored(snapshots, held).size - stored(staying, held).size;
        expect(due.reduce((sum, { frees }) => sum + frees, 0)).toBe(10 * freed);
        expect(dueSnapshots(snapshots.toReversed(), RULES, NOW, { held, missingBytes })).toEqual(due);
      }),
    );
  });
});
