import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openRedis, type RedisConnection } from '@foldline/redis';
import { OwnRedis, withRealServer } from '@foldline/testing';
import { openRedisReadStore, type RedisReadStore } from './redis-read-store.ts';

withRealServer('FOLDLINE_TEST_REDIS_URL', () => {
  describe('documents asked for in one go', () => {
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

    const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `job-${n}`);
    const commands = async (): Promise<number> =>
      Number(/cmdstat_hmget:calls=(\d+)/.exec(String(await redis.call('ask', 'INFO', 'commandstats')))?.[1] ?? 0);

    it('are read by few commands, each answer for who asked', async () => {
      const collections = ['jobs', 'pipelines'];
      const writes = collections.flatMap((collection) =>
        names(600).map((id) => ({ collection, id, doc: { collection, id }, indexes: {} })),
      );
      await store.apply('list', 1, writes);
      const asked = collections.flatMap((collection) => [...names(600), 'none'].map((id) => ({ collection, id })));
      const found = await Promise.all(asked.map(({ collection, id }) => store.get(collection, id)));
      expect(found).toEqual(asked.map((one) => (one.id === 'none' ? undefined : one)));
      expect(await commands()).toBe(4);
    });

    it('all fail when the server is away, and are there again with it', async () => {
      await store.apply('list', 1, [{ collection: 'jobs', id: 'a', doc: { id: 'a' }, indexes: {} }]);
      await server.kill();
      const lost = await Promise.allSettled(['a', 'b'].map((id) => store.get('jobs', id)));
      expect(lost.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      await server.up();
      while ((await store.position('list').catch(() => 0)) < 1);
      expect(await store.get('jobs', 'a')).toEqual({ id: 'a' });
    });
  });
});
