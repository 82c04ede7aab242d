import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CacheCommitted, CachePruned, cacheStream, MaintenanceRequested } from '@foldline/contracts';
import {
  awaited,
  artifact,
  cache,
  clock,
  closeStore,
  DAY,
  deliver,
  events,
  happened,
  lookAfter,
  MINUTE,
  objects,
  openStore,
  recorded,
  restart,
  stored,
  tree,
  warnings,
} from '../artifact-store.fixture.ts';
import { began, ended, kept, last, layer, output, restored, said, saved, wrote } from './maintain.fixture.ts';

const HOUR = 60 * MINUTE;

afterEach(closeStore);

describe('Maintenance once an hour', () => {
  beforeEach(() => openStore());

  it('takes a cache that nobody used for 30 days, on record before its bytes (A08, S1-39)', async () => {
    const base = await layer('base');
    const manifestDigest = await saved('c1', base);
    await lookAfter(30 * DAY - 1);
    expect(await kept(base.digest)).toBe(true);
    await lookAfter(HOUR);
    expect(await said()).toEqual(['CachePruned', 'PrunedBytesDeleted', 'MaintenanceFinished']);
    expect(await Promise.all([base.digest, manifestDigest].map(kept))).toEqual([false, false]);
    expect(await last()).toMatchObject({ trigger: 'hourly', caches: 1, logs: 0, waitingBytes: 0 });
  });

  it('takes as many at once as there are', async () => {
    const bases = await Promise.all(Array.from({ length: 30 }, (_, n) => layer(`base ${n}`)));
    for (const [n, base] of bases.entries()) await saved(`c${n}`, base);
    await lookAfter(31 * DAY);
    expect(await Promise.all(bases.map(({ digest }) => kept(digest)))).not.toContain(true);
    expect((await said()).slice(-3)).toEqual(['CachePruned', 'PrunedBytesDeleted', 'MaintenanceFinished']);
    expect(await last()).toMatchObject({ caches: 30, waitingBytes: 0 });
    expect(warnings).toEqual([]);
  });

  it('keeps a cache that a job has restored meanwhile', async () => {
    const base = await layer('base');
    await saved('c1', base);
    await lookAfter(20 * DAY);
    await began('p1');
    await restored('p1', 'c1');
    await ended('p1');
    await lookAfter(20 * DAY);
    expect(await kept(base.digest)).toBe(true);
    await lookAfter(10 * DAY);
    expect(await said()).toContain('CachePruned');
  });

  it('tells nothing while there is nothing to take', async () => {
    await lookAfter(HOUR);
    await lookAfter(HOUR);
    expect(await stored()).toEqual([]);
  });

  it('looks once an hour', async () => {
    await saved('c1', await layer('base'));
    await lookAfter(30 * DAY - 10 * MINUTE);
    await lookAfter(30 * MINUTE);
    expect(await said()).toEqual([]);
    await lookAfter(30 * MINUTE);
    expect(await said()).toContain('CachePruned');
  });

  it('leaves an hour after a start, in which it can be seen what new settings would take', async () => {
    await saved('c1', await layer('base'));
    await lookAfter(30 * DAY - 10 * MINUTE);
    await restart();
    await lookAfter(30 * MINUTE);
    expect(await said()).toEqual([]);
    await lookAfter(30 * MINUTE);
    expect(await said()).toContain('CachePruned');
  });

  it('keeps layers that another cache has, and files that an artifact has', async () => {
    const [shared, copied, own] = await Promise.all(['shared', 'copied', 'own'].map(layer));
    await saved('c1', shared!, copied!, own!);
    await lookAfter(29 * DAY);
    await saved('c2', shared!);
    await awaited(artifact(await tree('copied'), 'a1'));
    await lookAfter(DAY);
    expect(await Promise.all([shared!, copied!, own!].map(({ digest }) => kept(digest)))).toEqual([true, true, false]);
  });

  it('takes what another save has replaced', async () => {
    const [before, after] = [await tree('before', 'stays'), await tree('after', 'stays')];
    await awaited(cache(before));
    await awaited(cache(after, 'c1', 'saved-again'));
    await lookAfter(HOUR);
    const digests = [before.manifestDigest, ...before.digests, after.manifestDigest, ...after.digests];
    expect(await Promise.all(digests.map(kept))).toEqual([false, false, true, true, true, true]);
  });

  it('takes the output of submitted jobs that ended 7 days ago, of all their attempts (A08, S1-41)', async () => {
    await began('p1', true);
    await wrote('p1', 1, 'first');
    await wrote('p1', 2, 'second');
    await ended('p1');
    await lookAfter(7 * DAY - 1);
    expect(await output('p1.0.2')).toBe('second');
    await lookAfter(HOUR);
    expect(await said()).toEqual(['LogPruned', 'LogPruned', 'PrunedBytesDeleted', 'MaintenanceFinished']);
    expect(await Promise.all(['p1.0.1', 'p1.0.2'].map(output))).toEqual(['', '']);
    expect(await last()).toMatchObject({ logs: 1, bytes: 11 });
  });

  it('keeps the output of the jobs of pipelines', async () => {
    await began('p1');
    await wrote('p1', 1, 'first');
    await ended('p1');
    await lookAfter(1000 * DAY);
    expect(await output('p1.0.1')).toBe('first');
  });

  it('goes on where a crash came between the record and the bytes', async () => {
    const base = await layer('base');
    const manifestDigest = await saved('c1', base);
    const entry = { cacheId: 'c1', projectId: 'pr1', scope: 'protected', key: 'c1', manifestDigest } as const;
    const unused = { rule: 'unused', detail: 'nobody used it' } as const;
    await happened(cacheStream('c1'), CachePruned({ ...entry, layers: [base], bytes: 4, because: unused }));
    await restart();
    await lookAfter(HOUR);
    expect(await kept(base.digest)).toBe(false);
    await lookAfter(HOUR);
    expect(await said()).toEqual(['CachePruned', 'PrunedBytesDeleted', 'MaintenanceFinished']);
  });

  it('deletes no bytes of caches while nobody can tell what another manifest names', async () => {
    const base = await layer('base');
    await saved('c1', base);
    await lookAfter(29 * DAY);
    const damaged = await objects.put(Buffer.from('no manifest'));
    await happened(
      cacheStream('c9'),
      CacheCommitted({
        cacheId: 'c9',
        pipelineId: 'p0',
        projectId: 'pr1',
        jobId: 'p0.0',
        scope: 'protected',
        key: 'c9',
        manifestDigest: damaged.digest,
        files: 1,
        bytes: 1,
      }),
    );
    await lookAfter(DAY);
    expect(await kept(base.digest)).toBe(true);
    expect(warnings).toEqual(['the bytes of what was pruned stay: a manifest that is in use is damaged']);
  });
});

describe('A cache that a job has', () => {
  beforeEach(() => openStore({ cacheBytes: 1 }));

  it('stays, whatever the limits say, until the job has ended', async () => {
    const base = await layer('base');
    await saved('c1', base);
    await began('p1');
    await restored('p1', 'c1');
    await lookAfter(HOUR);
    expect(await said()).toEqual([]);
    await ended('p1');
    await lookAfter(HOUR);
    expect(await kept(base.digest)).toBe(false);
  });

  it('or may have looked up keeps its bytes until that job has ended', async () => {
    const base = await layer('base');
    await saved('c1', base);
    await began('p1');
    await lookAfter(HOUR);
    await lookAfter(HOUR);
    expect(await said()).toEqual(['CachePruned', 'MaintenanceFinished']);
    expect(await kept(base.digest)).toBe(true);
    await ended('p1');
    await lookAfter(HOUR);
    expect(await kept(base.digest)).toBe(false);
  });

  it('waits for no job that came after it was pruned, once nobody can have seen it', async () => {
    const base = await layer('base');
    await saved('c1', base);
    await began('p1');
    await lookAfter(HOUR);
    await began('p2');
    await ended('p1');
    await lookAfter(HOUR);
    expect(await kept(base.digest)).toBe(false);
  });
});

describe('A job that came a moment after a cache was pruned', () => {
  beforeEach(() => openStore({ cacheBytes: 1 }));

  it('may have seen it still, so the bytes wait for it some minutes', async () => {
    const ask = (id: string) => events().maintenanceRequested(recorded(MaintenanceRequested({}), id));
    const base = await layer('base');
    await saved('c1', base);
    await began('p1');
    await ask('first');
    await ended('p1');
    await began('p2');
    await ask('second');
    expect(await kept(base.digest)).toBe(true);
    clock.advance(5 * MINUTE);
    await ask('third');
    expect(await kept(base.digest)).toBe(false);
  });
});

describe('Maintenance that was asked for', () => {
  beforeEach(() => openStore({ cacheBytes: 1 }));
  const asked = recorded(MaintenanceRequested({}), 'asked-1');

  it('is done at once, and once', async () => {
    await saved('c1', await layer('base'));
    await deliver((to) => to.maintenanceRequested(asked));
    expect(await said()).toEqual(['CachePruned', 'PrunedBytesDeleted', 'MaintenanceFinished']);
    expect(await last()).toMatchObject({ trigger: 'requested', caches: 1 });
  });

  it('is answered when there was nothing to take', async () => {
    await deliver((to) => to.maintenanceRequested(asked));
    expect(await said()).toEqual(['MaintenanceFinished']);
  });
});

describe('A short disk', () => {
  beforeEach(() => openStore({ diskReserveBytes: 2 ** 52 }));

  it('takes caches before their time, at once, and is told', async () => {
    const base = await layer('base');
    await saved('c1', base);
    await lookAfter(0);
    expect(await kept(base.digest)).toBe(false);
    expect(await last()).toMatchObject({ trigger: 'disk_pressure', caches: 1, disk: { reserveBytes: 2 ** 52 } });
    expect(warnings).toEqual(['the disk is short: snapshots and caches are pruned before their time']);
  });

  it('takes them also when somebody asks for maintenance', async () => {
    const base = await layer('base');
    await saved('c1', base);
    await deliver((to) => to.maintenanceRequested(recorded(MaintenanceRequested({}), 'asked-1')));
    expect(await kept(base.digest)).toBe(false);
    expect(await last()).toMatchObject({ trigger: 'requested', caches: 1, disk: { reserveBytes: 2 ** 52 } });
  });

  it('is told once while there is nothing more to take', async () => {
    await lookAfter(0);
    await lookAfter(0);
    await lookAfter(0);
    expect(await said()).toEqual(['MaintenanceFinished']);
    expect(warnings).toHaveLength(1);
  });
});
