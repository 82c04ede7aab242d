import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ReadModels, ReadStore } from '@foldline/kernel';
import { openEmbeddedReadStore } from '@foldline/read-store-embedded';
import { Rebuilding, WholeReadModels } from './whole-read-models.ts';

const NAME = 'models';

/** How current the documents are that another process keeps. */
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

describe('documents in a store that loses its memory', () => {
  let directory: string;
  let store: ReadStore;
  let reads: ReadStore;
  let models: WholeReadModels;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-whole-'));
    store = await openEmbeddedReadStore({ directory });
    models = new WholeReadModels(shownBy(store));
    reads = models.guard(store);
  });
  afterEach(async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** The read models, filled from the log up to a position at which a document was made. */
  const fill = async (...positions: number[]): Promise<void> => {
    for (const position of positions) {
      const write = { collection: 'jobs', id: `j${position}`, doc: { position }, indexes: { all: `j${position}` } };
      await store.apply(NAME, position, [write]);
    }
  };
  const everything = () =>
    Promise.all([
      reads.get('jobs', 'j3'),
      reads.query('jobs', { index: 'all', limit: 9 }),
      reads.count('jobs', { index: 'all', atMost: 9 }),
      reads.scan('jobs', '', 9),
    ]);

  it('are told to nobody until they show again what they showed', async () => {
    await fill(1, 2, 3);
    expect(await everything()).toMatchObject([{ position: 3 }, { items: [{}, {}, {}] }, 3, [{}, {}, {}]]);
    await store.reset(NAME, ['jobs']);
    await expect(everything()).rejects.toThrow(Rebuilding);
    await fill(1, 2);
    await expect(everything()).rejects.toThrow(/show position 2 of 3/);
    await fill(3);
    expect(await everything()).toMatchObject([{ position: 3 }, { items: [{}, {}, {}] }, 3, [{}, {}, {}]]);
  });

  it('are told to nobody before they show what was required', async () => {
    models.require(2);
    await expect(everything()).rejects.toThrow(Rebuilding);
    await fill(1, 2);
    expect((await everything())[2]).toBe(2);
  });

  it('are told as they are when they follow the log no more', async () => {
    await fill(1);
    const stopped = new WholeReadModels({
      position: () => 1,
      reached: () => Promise.reject(new Error('a projection is wrong')),
    });
    expect(await stopped.guard(store).get('jobs', 'j1')).toEqual({ position: 1 });
    await expect(stopped.areWhole()).rejects.toThrow('a projection is wrong');
  });
});
