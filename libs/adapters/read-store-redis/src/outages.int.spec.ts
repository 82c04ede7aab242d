import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PermanentError, TransientError, type Write } from '@foldline/kernel';
import { openRedis, type RedisConnection } from '@foldline/redis';
import { OwnRedis, withRealServer } from '@foldline/testing';
import { openRedisReadStore, type RedisReadStore } from './redis-read-store.ts';

const KILLS = 8;
const JOBS = 50;

withRealServer('FOLDLINE_TEST_REDIS_URL', () => {
  describe('the read store on Redis', () => {
    let server: OwnRedis;
    let redis: RedisConnection;
    let store: RedisReadStore;

    beforeEach(async () => {
      server = await OwnRedis.start();
      redis = openRedis({ url: server.url, connectionWaitMs: 300, commandTimeoutMs: 2000 });
      store = openRedisReadStore({ redis, generation: 'list-1' });
    });
    afterEach(async () => {
      redis.close();
      await server.close();
    });

    const put = (id: string, doc = {}, indexes: Record<string, string> = { byId: id }): Write => ({
      collection: 'jobs',
      id,
      doc: { id, ...doc },
      indexes,
    });
    /** Each position changes every document, and where it stands in an index. */
    const writesOf = (position: number): Write[] =>
      Array.from({ length: JOBS }, (_, n) =>
        put(`job-${n}`, { position }, { byTime: `${String(position).padStart(9, '0')}/${n}` }),
      );
    const ids = async (index: string, of = store): Promise<unknown[]> =>
      (await of.query('jobs', { index, limit: 1000 })).items.map(({ id }) => id);
    const reachable = async (): Promise<number> => {
      for (;;) {
        const position = await store.position('list').catch((error: unknown) => {
          expect(error).toBeInstanceOf(TransientError);
        });
        if (position !== undefined) return position;
      }
    };

    it('agrees about documents, entries and position whenever the server is killed', async () => {
      let acknowledged = 0;
      let killing: Promise<void> | undefined;
      for (let kills = 0; kills < KILLS;) {
        killing ??= sleep(30 + 17 * kills).then(() => server.kill());
        const answer = await store
          .apply('list', acknowledged + 1, writesOf(acknowledged + 1), acknowledged)
          .catch((error: unknown) => expect(error).toBeInstanceOf(TransientError));
        if (answer !== undefined) {
          acknowledged = answer;
          continue;
        }
        await killing;
        killing = undefined;
        kills += 1;
        await server.up();
        const position = await reachable();
        // The change without an answer was made wholly or not at all.
        expect([acknowledged, acknowledged + 1]).toContain(position);
        const page = await store.query('jobs', { index: 'byTime', limit: 1000 });
        expect(page.items).toHaveLength(position === 0 ? 0 : JOBS);
        for (const { id, doc } of await store.scan('jobs', '', 1000)) expect(doc).toEqual({ id, position });
        for (const doc of page.items) expect(doc).toMatchObject({ position });
        acknowledged = position;
      }
      expect(acknowledged).toBeGreaterThan(KILLS);
    });

    it('begins anew when the server lost its memory', async () => {
      await store.apply('list', 5, [put('a'), put('b')], 0);
      await redis.call('empty', 'FLUSHALL');
      expect(await store.get('jobs', 'a')).toBeUndefined();
      expect(await store.apply('list', 6, [put('a', { n: 6 })], 5)).toBe(0);
      expect(await store.scan('jobs', '', 10)).toEqual([]);
      expect(await store.apply('list', 6, [put('a'), put('b')], 0)).toBe(6);
      expect(await ids('byId')).toEqual(['a', 'b']);
    });

    it('fails in time while the server is away', async () => {
      await store.apply('list', 1, [put('a')]);
      await server.kill();
      const began = performance.now();
      await expect(store.get('jobs', 'a')).rejects.toBeInstanceOf(TransientError);
      await expect(store.query('jobs', { index: 'byId', limit: 1 })).rejects.toBeInstanceOf(TransientError);
      await expect(store.apply('list', 2, [put('a')], 1)).rejects.toBeInstanceOf(TransientError);
      expect(performance.now() - began).toBeLessThan(3000);
    });

    it('changes nothing when the server has no memory left, and says that it may pass', async () => {
      await store.apply('list', 1, [put('a')]);
      await redis.call('limit', 'CONFIG', 'SET', 'maxmemory', '1');
      await expect(store.apply('list', 2, writesOf(2), 1)).rejects.toBeInstanceOf(TransientError);
      await redis.call('unlimit', 'CONFIG', 'SET', 'maxmemory', '0');
      expect(await store.position('list')).toBe(1);
      expect(await ids('byTime')).toEqual([]);
    });

    it('refuses a server that throws keys away on its own', async () => {
      await redis.call('limit', 'CONFIG', 'SET', 'maxmemory', '100mb', 'maxmemory-policy', 'allkeys-lru');
      await expect(store.apply('list', 1, [put('a')])).rejects.toBeInstanceOf(PermanentError);
      await redis.call('keep', 'CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
      expect(await store.apply('list', 1, [put('a')])).toBe(1);
    });

    it('takes any text as index value and id, also one with zero bytes', async () => {
      const values = ['', '\0', '\0\0', '\0\u0001', '\u0001', 'a', 'a\0', 'a\0\0', 'a\0b', 'a\u0001', 'a\n'];
      await store.apply(
        'list',
        1,
        values.toReversed().map((value) => put(`${value}\0id`, { value }, { 'by:value': value })),
      );
      const found = async (query: object): Promise<unknown[]> =>
        (await store.query('jobs', { index: 'by:value', limit: 99, ...query })).items.map(({ value }) => value);
      const sorted = values.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(await found({})).toEqual(sorted);
      expect(await found({ prefix: 'a\0' })).toEqual(['a\0', 'a\0\0', 'a\0b']);
      for (const [n, after] of sorted.entries()) {
        expect(await found({ after })).toEqual(sorted.slice(n + 1));
        expect(await found({ after, reverse: true })).toEqual(sorted.slice(0, n).toReversed());
      }
      await expect(store.apply('list', 2, [put('other', {}, { 'by:value': 'a\0' })])).rejects.toBeInstanceOf(
        PermanentError,
      );
    });

    describe('with generations', () => {
      it('keeps what two releases make apart', async () => {
        const next = openRedisReadStore({ redis, generation: 'list-2' });
        await store.apply('list', 5, [put('a')]);
        await next.apply('list', 3, [put('b')]);
        expect([await ids('byId'), await ids('byId', next)]).toEqual([['a'], ['b']]);
        expect([await store.position('list'), await next.position('list')]).toEqual([5, 3]);
        await next.remove();
        expect(await next.position('list')).toBe(0);
        expect(await ids('byId', next)).toEqual([]);
        expect(await ids('byId')).toEqual(['a']);
      });

      it('puts a rebuilt one in the place of another in one step', async () => {
        const rebuilt = openRedisReadStore({ redis, generation: 'list-1+rebuilt' });
        await store.apply('list', 9, [put('a'), put('b', {}, { gone: 'x' })], 0);
        await rebuilt.apply('list', 8, [put('a', { n: 8 }, { byId: 'a', new: 'y' })], 0);
        await store.replaceBy(rebuilt);
        expect(await store.scan('jobs', '', 10)).toEqual([{ id: 'a', doc: { id: 'a', n: 8 } }]);
        expect([await ids('byId'), await ids('gone'), await ids('new')]).toEqual([['a'], [], ['a']]);
        expect(await rebuilt.position('list')).toBe(0);
        // The projector that wrote the old one notices, and goes on from the new one's position.
        expect(await store.apply('list', 10, [put('c')], 9)).toBe(8);
        expect(await store.apply('list', 9, [put('c')], 8)).toBe(9);
        await store.reset('list', ['jobs']);
        expect(await redis.call('count', 'DBSIZE')).toBe(0);
      });

      it('leaves nothing behind when it is removed', async () => {
        await store.apply('list', 1, [put('a'), put('b', {}, { other: 'b' })]);
        await store.apply('list', 2, [{ ...put('a'), doc: undefined }]);
        await store.remove();
        expect(await redis.call('count', 'DBSIZE')).toBe(0);
      });
    });
  });
});
