import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PermanentError, type Write } from '@foldline/kernel';
import { openDatabase } from '@foldline/sqlite';
import { readStoreContract } from '@foldline/testing';
import { openEmbeddedReadStore, readModelsIn, type EmbeddedReadStore } from './embedded-read-store.ts';
import { openReadStoreSnapshot } from './read-store-snapshot.ts';

const makeDirectory = (): string => mkdtempSync(join(tmpdir(), 'foldline-reads-'));

readStoreContract('embedded', async () => {
  const directory = makeDirectory();
  let store = await openEmbeddedReadStore({ directory });
  return {
    store,
    reopen: async () => {
      await store.close();
      store = await openEmbeddedReadStore({ directory });
      return store;
    },
    close: async () => {
      await store.close();
      rmSync(directory, { recursive: true });
    },
  };
});

describe('the embedded read store', () => {
  let directory: string;
  let store: EmbeddedReadStore;
  let reasons: string[];

  const open = (): Promise<EmbeddedReadStore> =>
    openEmbeddedReadStore({ directory, onReset: (reason) => reasons.push(reason) });
  const put = (id: string): Write => ({ collection: 'jobs', id, doc: { id }, indexes: { byId: id } });

  beforeEach(async () => {
    directory = makeDirectory();
    reasons = [];
    store = await open();
    await store.apply('list', 1, [put('a')]);
  });
  afterEach(async () => {
    await store.close();
    rmSync(directory, { recursive: true });
  });

  const expectEmptied = async (): Promise<void> => {
    expect(reasons).toHaveLength(1);
    expect(await store.position('list')).toBe(0);
    expect(await store.get('jobs', 'a')).toBeUndefined();
    await store.apply('list', 1, [put('a')]);
    expect(await store.get('jobs', 'a')).toEqual({ id: 'a' });
  };

  it('says nothing of a reset when it opens what it made', async () => {
    await store.close();
    store = await open();
    expect(reasons).toEqual([]);
    expect(await store.position('list')).toBe(1);
  });

  it('starts empty when another release wrote the file', async () => {
    await store.close();
    const database = openDatabase(readModelsIn(directory));
    database.exec('PRAGMA user_version = 99');
    database.close();
    store = await open();
    await expectEmptied();
  });

  it('starts empty when other projections made what it holds, and keeps what its own made', async () => {
    await store.close();
    store = await openEmbeddedReadStore({ directory, projection: 'list', onReset: (reason) => reasons.push(reason) });
    expect(reasons).toEqual([]);
    await store.close();
    store = await openEmbeddedReadStore({ directory, projection: 'list-2', onReset: (reason) => reasons.push(reason) });
    expect(reasons).toEqual(['the read models were made by list, this release has list-2']);
    await expectEmptied();
  });

  it('starts empty when the file is no database', async () => {
    await store.close();
    for (const suffix of ['-wal', '-shm']) rmSync(readModelsIn(directory) + suffix, { force: true });
    writeFileSync(readModelsIn(directory), 'x'.repeat(10_000));
    store = await open();
    await expectEmptied();
  });

  it('serves nothing from a damaged page, and starts empty the next time', async () => {
    await store.apply(
      'list',
      2,
      Array.from({ length: 500 }, (_, n) => put(`job-${String(n).padStart(4, '0')}`)),
    );
    await store.close();
    const path = readModelsIn(directory);
    const database = openDatabase(path);
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    database.close();
    const bytes = readFileSync(path);
    // All but the first page, which holds the list of tables.
    bytes.fill(0xff, 4096);
    writeFileSync(path, bytes);
    store = await open();
    await expect(store.get('jobs', 'job-0100')).rejects.toBeInstanceOf(PermanentError);
    await store.close();
    expect(reasons).toEqual([]);
    store = await open();
    await expectEmptied();
  });

  describe('as a snapshot', () => {
    it('stays as it was while the store goes on', async () => {
      const snapshot = openReadStoreSnapshot({ directory });
      await store.apply('list', 2, [put('b')]);
      expect(await snapshot.position('list')).toBe(1);
      expect(await snapshot.scan('jobs', '', 10)).toEqual([{ id: 'a', doc: { id: 'a' } }]);
      expect(await snapshot.query('jobs', { index: 'byId', limit: 9 })).toEqual({ items: [{ id: 'a' }] });
      expect(await snapshot.get('jobs', 'b')).toBeUndefined();
      await snapshot.close();
    });

    it('shows the index entries, page by page', async () => {
      await store.apply('list', 2, [
        put('b'),
        { collection: 'jobs', id: 'c', doc: {}, indexes: { also: 'z', byId: 'c' } },
      ]);
      const snapshot = openReadStoreSnapshot({ directory });
      const first = await snapshot.entries('jobs', undefined, 3);
      expect(first.map(({ index, value, id }) => [index, value, id])).toEqual([
        ['also', 'z', 'c'],
        ['byId', 'a', 'a'],
        ['byId', 'b', 'b'],
      ]);
      expect(await snapshot.entries('jobs', first.at(-1), 3)).toEqual([{ index: 'byId', value: 'c', id: 'c' }]);
      await snapshot.close();
    });

    it('refuses changes, and a directory without read models', async () => {
      const snapshot = openReadStoreSnapshot({ directory });
      await expect(snapshot.apply('list', 2, [put('b')])).rejects.toBeInstanceOf(PermanentError);
      await expect(snapshot.reset('list', ['jobs'])).rejects.toBeInstanceOf(PermanentError);
      await snapshot.close();
      expect(() => openReadStoreSnapshot({ directory: join(directory, 'nowhere') })).toThrow(PermanentError);
    });
  });
});
