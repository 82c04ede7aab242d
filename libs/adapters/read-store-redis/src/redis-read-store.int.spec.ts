import { randomUUID } from 'node:crypto';
import { readStoreContract, withRealServer } from '@foldline/testing';
import { openRedis } from '@foldline/redis';
import { openRedisReadStore } from './redis-read-store.ts';

withRealServer('FOLDLINE_TEST_REDIS_URL', (url) => {
  readStoreContract('on Redis', async () => {
    const redis = openRedis({ url, keyPrefix: `test-${randomUUID()}` });
    let store = openRedisReadStore({ redis, generation: 'list-1' });
    return {
      store,
      reopen: async () => {
        await store.close();
        store = openRedisReadStore({ redis, generation: 'list-1' });
        return store;
      },
      close: async () => {
        await openRedisReadStore({ redis, generation: 'list-1' }).remove();
        redis.close();
      },
    };
  });
});
