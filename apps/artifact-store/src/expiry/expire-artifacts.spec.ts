import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  warnings,
  MINUTE,
  clock,
  reads,
  objects,
  stored,
  tree,
  artifact,
  cache,
  awaited,
  openStore,
  closeStore,
} from '../artifact-store.fixture.ts';

beforeEach(() => openStore());
afterEach(closeStore);

describe('expiry', () => {
  const minutePasses = async (minutes = 1): Promise<void> => {
    clock.advance(minutes * MINUTE);
    await clock.sleeping(MINUTE);
  };
  const kept = async (digest: string): Promise<boolean> => (await objects.stat(digest)) !== undefined;

  it('takes the bytes of an artifact whose time is over, and keeps the record', async () => {
    const due = await tree('one', 'two');
    await awaited(artifact(due, 'a1', 90));
    await minutePasses();
    expect(await kept(due.manifestDigest)).toBe(true);
    await minutePasses();
    expect((await stored()).map(({ type }) => type)).toEqual(['ArtifactCommitted', 'ArtifactExpired']);
    expect(await Promise.all([due.manifestDigest, ...due.digests].map(kept))).toEqual([false, false, false]);
    await minutePasses();
    expect(await stored()).toHaveLength(2);
  });

  it('keeps bytes that another artifact or a cache still names', async () => {
    const due = await tree('only here', 'in an artifact', 'in a cache');
    await awaited(artifact(due, 'a1', 30));
    await awaited(artifact(await tree('in an artifact'), 'a2'));
    await awaited(cache(await tree('in a cache')));
    await minutePasses();
    expect(await Promise.all(due.digests.map(kept))).toEqual([false, true, true]);
    expect((await stored()).map(({ type }) => type)).toContain('ArtifactExpired');
  });

  it('keeps everything of a twin that lives on', async () => {
    const due = await tree('one');
    await awaited(artifact(due, 'a1', 30));
    await awaited(artifact(due, 'a2'));
    await minutePasses();
    expect(await Promise.all([due.manifestDigest, ...due.digests].map(kept))).toEqual([true, true]);
  });

  it('deletes nothing while nobody can tell what another manifest names', async () => {
    const due = await tree('one');
    await awaited(artifact(due, 'a1', 30));
    const { digest: manifestDigest } = await objects.put(Buffer.from('no manifest'));
    await reads.apply('test', 1, [{ collection: 'caches', id: 'c9', doc: { id: 'c9', manifestDigest }, indexes: {} }]);
    await minutePasses();
    expect(await kept(due.digests[0]!)).toBe(true);
    expect((await stored()).map(({ type }) => type)).toContain('ArtifactExpired');
    expect(warnings).toEqual(['the bytes of expired artifacts stay: a manifest that is in use is damaged']);
  });

  it('goes on where a crash came between the bytes and the record', async () => {
    const due = await tree('one');
    await awaited(artifact(due, 'a1', 30));
    await objects.delete(due.manifestDigest);
    await minutePasses();
    expect((await stored()).map(({ type }) => type)).toEqual(['ArtifactCommitted', 'ArtifactExpired']);
  });
});
