import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ReadModels, ReadStore } from '@foldline/kernel';
import { openRedis } from '@foldline/redis';
import { openRedisReadStore } from '@foldline/read-store-redis';
import { OwnRedis, withPrograms } from '@foldline/testing';
import { Rebuilding, WholeReadModels } from './whole-read-models.ts';

const NAME = 'models';

/** How current the documents are, as another process keeps them. */
const shownBy = (store: ReadStore): ReadModels => {
  let seen = 0;
  return {
    position: () => seen,
    reached: async (position) => {
      seen = await store.position(NAME);
      return seen >= position;
    },
  };
};

withPrograms(['redis-server'], () => {
  describe('documents in a Redis that loses its memory', () => {
    let server: OwnRedis;
    let redis: ReturnType<typeof openRedis>;
    let store: ReadStore;
    let reads: ReadStore;
    let models: WholeReadModels;
    beforeEach(async () => {
      server = await OwnRedis.start();
      redis = openRedis({ url: server.url, keyPrefix: 'whole' });
      store = openRedisReadStore({ redis, generation: NAME });
      models = new WholeReadModels(shownBy(store));
      reads = models.guard(store);
    });
    afterEach(async () => {
      await redis.close();
      await server.close();
    });

    /** The read models, filled from the log up to a position at which the document was made. */
    const fill = async (position: number): Promise<void> => {
      const write = { collection: 'jobs', id: `j${position}`, doc: { position }, indexes: { all: `j${position}` } };
      await store.apply(NAME, position, [write]);
    };
    const read = () => Promise.all([reads.get('jobs', 'j3'), reads.query('jobs', { index: 'all', limit: 9 })]);

    it('are told to nobody until they show again what they showed', async () => {
      for (const position of [1, 2, 3]) await fill(position);
      expect(await read()).toMatchObject([{ position: 3 }, { items: [{}, {}, {}] }]);
      await redis.call('forget', 'FLUSHALL');
      await expect(read()).rejects.toThrow(Rebuilding);
      for (const position of [1, 2]) await fill(position);
      await expect(read()).rejects.toThrow(/show position 2 of 3/);
      await fill(3);
      expect(await read()).toMatchObject([{ position: 3 }, { items: [{}, {}, {}] }]);
    });

    it('are told to nobody before they show what was required', async () => {
      models.require(2);
      await expect(read()).rejects.toThrow(Rebuilding);
      for (const position of [1, 2]) await fill(position);
      expect((await read())[1].items).toHaveLength(2);
    });
  });
});
