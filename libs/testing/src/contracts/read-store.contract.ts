import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  PermanentError,
  type CountQuery,
  type Document,
  type Query,
  type ReadStore,
  type Write,
} from '@foldline/kernel';

export type ReadStoreFixture = {
  store: ReadStore;
  /** The same read models after their process has ended; `close` closes this one then. */
  reopen(): Promise<ReadStore>;
  close(): Promise<void>;
};

/** What every read store must do; runs against each adapter. */
export const readStoreContract = (name: string, open: () => Promise<ReadStoreFixture>): void =>
  describe(`the read store ${name}`, () => {
    const collection = 'pipelines';
    let fixture: ReadStoreFixture;
    let store: ReadStore;
    let position: number;

    beforeEach(async () => {
      fixture = await open();
      store = fixture.store;
      position = 0;
    });
    afterEach(() => fixture.close());

    const put = (id: string, indexes: Record<string, string> = {}, more: Document = {}): Write => ({
      collection,
      id,
      doc: { id, ...more },
      indexes,
    });
    const remove = (id: string): Write => ({ collection, id, doc: undefined, indexes: {} });
    const apply = (...writes: Write[]): Promise<number> => store.apply('list', (position += 1), writes);
    const found = async (query: Partial<Query> = {}): Promise<unknown[]> =>
      (await store.query(collection, { index: 'byName', limit: 100, ...query })).items.map(({ id }) => id);
    /** All pages of a query, one after the other. */
    const pages = async (query: Partial<Query>): Promise<unknown[][]> => {
      const all: unknown[][] = [];
      for (let after: string | undefined; ;) {
        const page = await store.query(collection, {
          index: 'byName',
          limit: 2,
          ...query,
          ...(after === undefined ? {} : { after }),
        });
        all.push(page.items.map(({ id }) => id));
        after = page.nextCursor;
        if (after === undefined) return all;
      }
    };

    describe('documents', () => {
      it('has none at first', async () => {
        expect(await store.get(collection, 'a')).toBeUndefined();
        expect(await store.query(collection, { index: 'byName', limit: 10 })).toEqual({ items: [] });
        expect(await store.scan(collection, '', 10)).toEqual([]);
        expect(await store.position('list')).toBe(0);
      });

      it('gives back what was last written', async () => {
        await apply(put('a', {}, { n: 1 }));
        await apply(put('a', {}, { n: 2, text: 'Grüße 🚀', deep: { list: [1, null, true] } }));
        expect(await store.get(collection, 'a')).toEqual({
          id: 'a',
          n: 2,
          text: 'Grüße 🚀',
          deep: { list: [1, null, true] },
        });
      });

      it('keeps collections apart', async () => {
        await apply(put('a'), { ...put('a', {}, { other: true }), collection: 'jobs' });
        expect(await store.get(collection, 'a')).toEqual({ id: 'a' });
        expect(await store.get('jobs', 'a')).toEqual({ id: 'a', other: true });
      });

      it('removes a document and its index entries', async () => {
        await apply(put('a', { byName: 'x' }), put('b', { byName: 'y' }));
        await apply(remove('a'), remove('never-there'));
        expect(await store.get(collection, 'a')).toBeUndefined();
        expect(await found()).toEqual(['b']);
      });

      it('keeps the last of several writes to one document', async () => {
        await apply(put('a', { byName: 'x' }, { n: 1 }), remove('a'), put('a', { byName: 'y' }, { n: 2 }));
        expect(await store.get(collection, 'a')).toEqual({ id: 'a', n: 2 });
        expect(await found({ prefix: 'x' })).toEqual([]);
        expect(await found({ prefix: 'y' })).toEqual(['a']);
      });

      it('does not see what the writer changes in its object afterwards', async () => {
        const doc = { id: 'a', state: 'queued' };
        await apply({ collection, id: 'a', doc, indexes: {} });
        doc.state = 'changed';
        expect(await store.get(collection, 'a')).toEqual({ id: 'a', state: 'queued' });
      });

      it('has everything after a restart', async () => {
        await apply(put('a', { byName: 'x' }));
        store = await fixture.reopen();
        expect(await store.get(collection, 'a')).toEqual({ id: 'a' });
        expect(await found()).toEqual(['a']);
        expect(await store.position('list')).toBe(1);
      });
    });

    describe('positions', () => {
      it('moves only the position of the projection that applied', async () => {
        await store.apply('list', 7, []);
        await store.apply('other', 9, [put('a')]);
        expect(await store.position('list')).toBe(7);
        expect(await store.position('other')).toBe(9);
      });

      it('changes documents, indexes and position together or not at all', async () => {
        await apply(put('a', { byName: 'taken' }), put('b', { byName: 'b' }));
        const refused = apply(
          put('b', { byName: 'c' }, { n: 2 }),
          remove('a'),
          put('d', { byName: 'd' }),
          put('e', { byName: 'd' }),
        );
        await expect(refused).rejects.toBeInstanceOf(PermanentError);
        expect(await store.get(collection, 'b')).toEqual({ id: 'b' });
        expect(await found()).toEqual(['b', 'a']);
        expect(await store.position('list')).toBe(1);
      });
    });

    describe('changes folded from an expected position', () => {
      it('are made when the store is there, and the answer is the new position', async () => {
        expect(await store.apply('list', 3, [put('a')], 0)).toBe(3);
        expect(await store.apply('list', 5, [put('b')], 3)).toBe(5);
        expect(await store.position('list')).toBe(5);
        expect(await store.get(collection, 'b')).toEqual({ id: 'b' });
      });

      it('are made once when two projectors fold the same events', async () => {
        const answers = await Promise.all([
          store.apply('list', 3, [put('a', { byName: 'x' }, { by: 'one' })], 0),
          store.apply('list', 3, [put('a', { byName: 'x' }, { by: 'two' })], 0),
        ]);
        expect(answers).toEqual([3, 3]);
        const winner = await store.get(collection, 'a');
        await store.apply('list', 3, [put('a', { byName: 'z' }, { by: 'three' })], 0);
        expect(await store.get(collection, 'a')).toEqual(winner);
        expect(await found()).toEqual(['a']);
      });

      it('are not made when another projector is ahead, and the answer tells where it is', async () => {
        await store.apply('list', 8, [put('a', { byName: 'x' })], 0);
        const late = [put('a', { byName: 'y' }, { late: true }), put('b', { byName: 'b' })];
        expect(await store.apply('list', 5, late, 0)).toBe(8);
        expect(await store.apply('list', 9, late, 5)).toBe(8);
        expect(await store.get(collection, 'a')).toEqual({ id: 'a' });
        expect(await found()).toEqual(['a']);
        expect(await store.position('list')).toBe(8);
      });

      it('are not made when the store lost its memory, and the answer tells that it begins anew', async () => {
        await store.apply('list', 8, [put('a')], 0);
        await store.reset('list', [collection]);
        expect(await store.apply('list', 9, [put('a', {}, { n: 9 })], 8)).toBe(0);
        expect(await store.get(collection, 'a')).toBeUndefined();
        expect(await store.position('list')).toBe(0);
      });

      it('are compared with the position of their own projection', async () => {
        await store.apply('other', 9, []);
        expect(await store.apply('list', 4, [put('a')], 0)).toBe(4);
      });
    });

    describe('counting', () => {
      const count = (query: Partial<CountQuery> = {}): Promise<number> =>
        store.count(collection, { index: 'byName', atMost: 100, ...query });
      beforeEach(async () => {
        const names = ['a/1', 'a/2', 'a/3', 'b/1', 'é'];
        await apply(...names.map((name) => put(`id-${name}`, { byName: name, byTime: `t/${name}` })));
      });

      it('tells how many entries an index has', async () => {
        expect(await count()).toBe(5);
      });

      it.each([
        [{ prefix: 'a/' }, 3],
        [{ prefix: 'a' }, 3],
        [{ prefix: 'é' }, 1],
        [{ prefix: 'c' }, 0],
        [{ before: 'a/3' }, 2],
        [{ before: 'a/25' }, 2],
        [{ before: 'z' }, 4],
        [{ before: '' }, 0],
        [{ prefix: 'a/', before: 'a/2' }, 1],
        [{ prefix: 'a/', before: 'b' }, 3],
        [{ prefix: 'b/', before: 'a/9' }, 0],
        [{ index: 'byNothing' }, 0],
      ])('of %j: %d', async (query, expected) => {
        expect(await count(query)).toBe(expected);
      });

      it('goes no further than asked', async () => {
        expect(await count({ atMost: 2 })).toBe(2);
        expect(await count({ atMost: 0 })).toBe(0);
      });

      it('knows a document only where it stands now', async () => {
        await apply(put('id-a/1', { byName: 'c/1' }), remove('id-a/2'));
        expect(await count({ prefix: 'a/' })).toBe(1);
        expect(await count({ prefix: 'c/' })).toBe(1);
      });
    });

    describe('indexes', () => {
      it('follows a document to its new index values', async () => {
        await apply(put('a', { byName: 'm', byTime: '1' }), put('b', { byName: 'n' }));
        await apply(put('a', { byName: 'z', byTime: '1' }));
        expect(await found()).toEqual(['b', 'a']);
        expect(await found({ index: 'byTime' })).toEqual(['a']);
        await apply(put('a', { byName: 'z' }));
        expect(await found({ index: 'byTime' })).toEqual([]);
      });

      it('refuses an index value that another document has', async () => {
        await apply(put('a', { byName: 'x' }));
        await expect(apply(put('b', { byName: 'x' }))).rejects.toBeInstanceOf(PermanentError);
      });

      it('lets a document take over an index value that another gives up in the same change', async () => {
        await apply(put('a', { byName: 'x' }));
        await apply(put('b', { byName: 'x' }), put('a', { byName: 'y' }));
        expect(await found()).toEqual(['b', 'a']);
      });

      it('sorts by the bytes of the text', async () => {
        const names = ['', '\u0001', 'A', 'Z', 'a', 'a\u0001', 'a/1', 'a0', 'aa', 'z', 'é', '世', '\uffee', '🚀'];
        await apply(...names.toReversed().map((name) => put(`id-${name}`, { byName: name })));
        expect(await found()).toEqual(names.map((name) => `id-${name}`));
        expect(await found({ reverse: true })).toEqual(names.toReversed().map((name) => `id-${name}`));
        for (const reverse of [false, true]) {
          const expected = (reverse ? names.toReversed() : names).map((name) => `id-${name}`);
          expect((await pages({ reverse })).flat()).toEqual(expected);
        }
      });

      it('keeps collections and indexes apart whatever they are called', async () => {
        await store.apply('list', 1, [
          { collection: 'a', id: '1', doc: { at: 'a' }, indexes: { 'b:c': 'x' } },
          { collection: 'a:b', id: '1', doc: { at: 'a:b' }, indexes: { c: 'x' } },
        ]);
        const first = await store.query('a', { index: 'b:c', limit: 9 });
        expect(first).toEqual({ items: [{ at: 'a' }] });
        expect(await store.query('a:b', { index: 'c', limit: 9 })).toEqual({ items: [{ at: 'a:b' }] });
      });

      it.each([false, true])('reads page by page (reverse: %s)', async (reverse) => {
        const ids = ['a', 'b', 'c', 'd', 'e'];
        await apply(...ids.map((id) => put(id, { byName: `name/${id}` })));
        const expected = [['a', 'b'], ['c', 'd'], ['e']];
        const reversed = [['e', 'd'], ['c', 'b'], ['a']];
        expect(await pages({ reverse })).toEqual(reverse ? reversed : expected);
        expect(await pages({ reverse, prefix: 'name/' })).toEqual(reverse ? reversed : expected);
      });

      it('has no next page when the last one is just full', async () => {
        await apply(put('a', { byName: '1' }), put('b', { byName: '2' }));
        expect(await pages({})).toEqual([['a', 'b']]);
      });

      it.each([false, true])(
        'goes on where it was when documents come and go between pages (reverse: %s)',
        async (reverse) => {
          await apply(...['b', 'd', 'f', 'h'].map((id) => put(id, { byName: id })));
          const first = await store.query(collection, { index: 'byName', limit: 2, reverse });
          await apply(
            remove('d'),
            remove('f'),
            put('e', { byName: 'e' }),
            put('a', { byName: 'a' }),
            put('z', { byName: 'z' }),
          );
          expect(await found({ after: first.nextCursor!, reverse })).toEqual(
            reverse ? ['e', 'b', 'a'] : ['e', 'h', 'z'],
          );
        },
      );

      it('reads only values that begin with the prefix', async () => {
        const names = ['a', 'ab', 'ab/1', 'ab/2', 'ab0', 'b', 'é', 'éa', 'ê', '\ud7ff1', '\ue000', '🚀', '🚀1', '🚁'];
        await apply(...names.map((name) => put(name, { byName: name })));
        expect(await found({ prefix: 'ab/' })).toEqual(['ab/1', 'ab/2']);
        expect(await found({ prefix: 'ab/', reverse: true })).toEqual(['ab/2', 'ab/1']);
        expect(await found({ prefix: 'é' })).toEqual(['é', 'éa']);
        expect(await found({ prefix: '\ud7ff' })).toEqual(['\ud7ff1']);
        expect(await found({ prefix: '🚀' })).toEqual(['🚀', '🚀1']);
        expect(await found({ prefix: 'none' })).toEqual([]);
        expect(await found({ prefix: '%' })).toEqual([]);
      });

      it('takes a cursor that lies outside of the prefix', async () => {
        await apply(...['a1', 'b1', 'b2', 'c1'].map((id) => put(id, { byName: id })));
        expect(await found({ prefix: 'b', after: 'a1' })).toEqual(['b1', 'b2']);
        expect(await found({ prefix: 'b', after: 'c1' })).toEqual([]);
        expect(await found({ prefix: 'b', after: 'c1', reverse: true })).toEqual(['b2', 'b1']);
        expect(await found({ prefix: 'b', after: 'a1', reverse: true })).toEqual([]);
      });
    });

    describe('reset and scan', () => {
      it('empties the named collections and forgets the position', async () => {
        await apply(put('a', { byName: 'x' }), { ...put('j'), collection: 'jobs' });
        await store.reset('list', [collection]);
        expect(await store.get(collection, 'a')).toBeUndefined();
        expect(await found()).toEqual([]);
        expect(await store.position('list')).toBe(0);
        expect(await store.get('jobs', 'j')).toEqual({ id: 'j' });
        await apply(put('b', { byName: 'x' }));
        expect(await found()).toEqual(['b']);
      });

      it('scans a collection in order of id', async () => {
        await apply(...['c', 'a', 'd', 'b'].map((id) => put(id)), { ...put('aa'), collection: 'jobs' });
        expect((await store.scan(collection, '', 3)).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
        expect(await store.scan(collection, 'c', 3)).toEqual([{ id: 'd', doc: { id: 'd' } }]);
        expect(await store.scan(collection, 'd', 3)).toEqual([]);
      });
    });

    it('refuses to work when closed', async () => {
      await store.close();
      await expect(store.get(collection, 'a')).rejects.toBeInstanceOf(PermanentError);
    });
  });
