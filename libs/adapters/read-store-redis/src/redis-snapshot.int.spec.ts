import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Write } from '@foldline/kernel';
import { openRedis, type RedisConnection } from '@foldline/redis';
import { withRealServer } from '@foldline/testing';
import { openRedisReadStore, type RedisReadStore } from './redis-read-store.ts';
import { openRedisSnapshot, type Entry, type RedisSnapshot } from './redis-snapshot.ts';

const job = (id: string, value = `main\0${id}`): Write => ({
  collection: 'jobs',
  id,
  doc: { id },
  indexes: { byRef: value, byId: id },
});

withRealServer('FOLDLINE_TEST_REDIS_URL', (url) => {
  describe('a snapshot of read models in Redis', () => {
    const generation = 'list-1';
    let prefix: string;
    let redis: RedisConnection;
    let store: RedisReadStore;
    const keys = async (): Promise<string[]> => (await redis.call('list keys', 'KEYS', `{${prefix}}:*`)) as string[];
    const all = async (snapshot: RedisSnapshot, limit: number): Promise<Entry[]> => {
      const found: Entry[] = [];
      for (let page: Entry[]; (page = await snapshot.entries('jobs', found.at(-1), limit)).length > 0;)
        found.push(...page);
      return found;
    };

    beforeEach(() => {
      prefix = `test-${randomUUID()}`;
      redis = openRedis({ url, keyPrefix: prefix });
      store = openRedisReadStore({ redis, generation });
    });
    afterEach(async () => {
      await store.remove();
      await redis.close();
    });

    it('stays as it was while the read models change', async () => {
      await store.apply('reads', 7, [job('a'), job('b')]);
      const snapshot = await openRedisSnapshot({ redis, generation });
      await store.apply('reads', 9, [{ ...job('a'), doc: undefined, indexes: {} }, job('c')]);
      expect(await snapshot.position('reads')).toBe(7);
      expect((await snapshot.scan('jobs', '', 10)).map(({ id }) => id)).toEqual(['a', 'b']);
      expect((await all(snapshot, 10)).map(({ id }) => id)).toEqual(['a', 'b', 'a', 'b']);
      await snapshot.close();
      expect(await store.position('reads')).toBe(9);
    });

    it.each([1, 2, 3, 100])('gives every index entry once, in pages of %d', async (limit) => {
      await store.apply('reads', 1, [job('a', 'x\0\0a'), job('b', ''), job('c', 'grün')]);
      const snapshot = await openRedisSnapshot({ redis, generation });
      expect(await all(snapshot, limit)).toEqual([
        { index: 'byId', value: 'a', id: 'a' },
        { index: 'byId', value: 'b', id: 'b' },
        { index: 'byId', value: 'c', id: 'c' },
        { index: 'byRef', value: '', id: 'b' },
        { index: 'byRef', value: 'grün', id: 'c' },
        { index: 'byRef', value: 'x\0\0a', id: 'a' },
      ]);
      await snapshot.close();
    });

    it('is of nothing where there is nothing', async () => {
      const snapshot = await openRedisSnapshot({ redis, generation });
      expect(await snapshot.position('reads')).toBe(0);
      expect(await snapshot.scan('jobs', '', 10)).toEqual([]);
      expect(await all(snapshot, 10)).toEqual([]);
      await snapshot.close();
    });

    it('leaves nothing behind once it is closed, nor for ever when it is not', async () => {
      await store.apply('reads', 1, [job('a')]);
      const before = await keys();
      const snapshot = await openRedisSnapshot({ redis, generation });
      const copied = (await keys()).filter((key) => !before.includes(key));
      expect(copied).toHaveLength(before.length);
      for (const key of copied) expect(await redis.call('ask', 'TTL', key)).toBeGreaterThan(0);
      await snapshot.close();
      expect((await keys()).toSorted()).toEqual(before.toSorted());
    });
  });
});
