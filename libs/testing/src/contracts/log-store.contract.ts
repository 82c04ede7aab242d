import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PermanentError, type LogStore } from '@foldline/kernel';

export type LogStoreFixture = {
  store: LogStore;
  /** The same logs after the death of the process that wrote them. */
  reopen(): Promise<LogStore>;
  close(): Promise<void>;
};

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const claimOf = (text: string) => ({ bytes: Buffer.byteLength(text), sha256: sha256(text) });
const frame = (sequence: number, offset: number, text: string) => ({ sequence, offset, bytes: Buffer.from(text) });

/** What every log store must do; runs against each adapter. */
export const logStoreContract = (name: string, open: () => Promise<LogStoreFixture>): void =>
  describe(`the log store ${name}`, () => {
    const attempt = '01hzx.0.1';
    let fixture: LogStoreFixture;
    let store: LogStore;
    let abort: AbortController;

    beforeEach(async () => {
      fixture = await open();
      store = fixture.store;
      abort = new AbortController();
    });
    afterEach(async () => {
      abort.abort();
      await fixture.close();
    });

    const write = async (...texts: string[]): Promise<void> => {
      let { nextOffset, nextSequence } = await store.state(attempt);
      for (const text of texts) {
        const state = await store.append(attempt, frame(nextSequence, nextOffset, text));
        expect(state.nextOffset).toBe(nextOffset + Buffer.byteLength(text));
        ({ nextOffset, nextSequence } = state);
      }
    };
    const whole = async (): Promise<string> => (await store.read(attempt, 0, 1e9)).toString();
    const followed = async (offset = 0): Promise<string> => {
      const pieces: Buffer[] = [];
      let position = offset;
      for await (const piece of store.follow(attempt, offset, abort.signal)) {
        expect(piece.offset).toBe(position);
        position += piece.bytes.length;
        pieces.push(piece.bytes);
      }
      return Buffer.concat(pieces).toString();
    };

    describe('appending', () => {
      it('starts empty and unsealed', async () => {
        expect(await store.state(attempt)).toEqual({ nextOffset: 0, nextSequence: 0, sealed: false });
        expect(await whole()).toBe('');
      });

      it('keeps frames in order', async () => {
        await write('one\n', 'two\n');
        expect(await store.state(attempt)).toEqual({ nextOffset: 8, nextSequence: 2, sealed: false });
        expect(await whole()).toBe('one\ntwo\n');
      });

      it('acknowledges a frame it has without writing it again', async () => {
        await write('one\n', 'two\n');
        const state = await store.append(attempt, frame(0, 0, 'one\n'));
        expect(state).toEqual({ nextOffset: 8, nextSequence: 2, sealed: false });
        expect(await whole()).toBe('one\ntwo\n');
      });

      it.each([
        ['a gap', frame(2, 9, 'x')],
        ['an overlap', frame(2, 6, 'xxxx')],
        ['a skipped sequence', frame(3, 8, 'x')],
      ])('does not take %s and answers where to go on', async (_, wrong) => {
        await write('one\n', 'two\n');
        expect(await store.append(attempt, wrong)).toEqual({ nextOffset: 8, nextSequence: 2, sealed: false });
        expect(await whole()).toBe('one\ntwo\n');
      });

      it('keeps the logs of attempts apart', async () => {
        await write('mine');
        await store.append('01hzx.0.2', frame(0, 0, 'other'));
        expect(await whole()).toBe('mine');
      });

      it.each(['', '../x', 'a/b', 'A', 'a\u0000', 'x'.repeat(129), 'ä'])(
        'fails permanently for %j, which is no attempt id',
        (id) => expect(store.append(id, frame(0, 0, 'x'))).rejects.toThrow(PermanentError),
      );
    });

    describe('reading', () => {
      it('answers any range, shorter at the end', async () => {
        await write('0123456789');
        expect((await store.read(attempt, 3, 5)).toString()).toBe('34');
        expect((await store.read(attempt, 8, 50)).toString()).toBe('89');
        expect((await store.read(attempt, 10, 20)).length).toBe(0);
        expect((await store.read(attempt, 50, 60)).length).toBe(0);
      });
    });

    describe('after a restart', () => {
      it('has what was acknowledged and goes on from there', async () => {
        await write('one\n', 'two\n');
        store = await fixture.reopen();
        expect(await store.state(attempt)).toMatchObject({ nextOffset: 8, sealed: false });
        expect(await store.append(attempt, frame(2, 8, 'three\n'))).toMatchObject({ nextOffset: 14, nextSequence: 3 });
        expect(await store.append(attempt, frame(4, 14, 'x'))).toMatchObject({ nextOffset: 14, nextSequence: 3 });
        await store.seal(attempt, claimOf('one\ntwo\nthree\n'));
        expect(await whole()).toBe('one\ntwo\nthree\n');
      });

      it('still does not take a frame at another offset', async () => {
        await write('one\n');
        store = await fixture.reopen();
        expect(await store.append(attempt, frame(0, 0, 'one\n'))).toMatchObject({ nextOffset: 4 });
        expect(await store.append(attempt, frame(1, 5, 'x'))).toMatchObject({ nextOffset: 4 });
        expect(await whole()).toBe('one\n');
      });

      it('is still sealed', async () => {
        await write('one\n');
        await store.seal(attempt, claimOf('one\n'));
        store = await fixture.reopen();
        expect(await store.state(attempt)).toMatchObject({ nextOffset: 4, sealed: true });
        await store.seal(attempt, claimOf('one\n'));
        await expect(store.seal(attempt, claimOf('two\n'))).rejects.toThrow(PermanentError);
        expect(await followed()).toBe('one\n');
      });
    });

    describe('sealing', () => {
      it('takes no further frame', async () => {
        await write('one\n');
        await store.seal(attempt, claimOf('one\n'));
        expect(await store.append(attempt, frame(1, 4, 'two\n'))).toMatchObject({ nextOffset: 4, sealed: true });
        expect(await whole()).toBe('one\n');
      });

      it('answers that it is sealed when its first frame comes again', async () => {
        await write('one\n');
        await store.seal(attempt, claimOf('one\n'));
        expect(await store.append(attempt, frame(0, 0, 'one\n'))).toMatchObject({ nextOffset: 4, sealed: true });
      });

      it('is the same when its writer has said before that it has finished', async () => {
        await write('one\n', 'two\n');
        store.finish?.(attempt, claimOf('one\ntwo\n'));
        await store.seal(attempt, claimOf('one\ntwo\n'));
        expect(await store.state(attempt)).toMatchObject({ nextOffset: 8, sealed: true });
        expect(await store.append(attempt, frame(2, 8, 'x'))).toMatchObject({ nextOffset: 8, sealed: true });
        expect(await followed()).toBe('one\ntwo\n');
      });

      it('does not come of a writer that says it has finished and is wrong', async () => {
        await write('one\n');
        store.finish?.(attempt, claimOf('two\n'));
        store.finish?.('01hzx.0.9', claimOf('nothing was written'));
        expect(await store.state(attempt)).toMatchObject({ nextOffset: 4, sealed: false });
        await write('two\n');
        await store.seal(attempt, claimOf('one\ntwo\n'));
      });

      it('is one seal when told twice, also at once', async () => {
        await write('one\n');
        await Promise.all([store.seal(attempt, claimOf('one\n')), store.seal(attempt, claimOf('one\n'))]);
        expect(await store.state(attempt)).toMatchObject({ sealed: true });
      });

      it('seals a log without any output', async () => {
        await store.seal(attempt, claimOf(''));
        expect(await store.state(attempt)).toMatchObject({ nextOffset: 0, sealed: true });
        store = await fixture.reopen();
        expect(await store.state(attempt)).toMatchObject({ sealed: true });
      });

      it('fails permanently when length or digest are not as claimed, and stays open', async () => {
        await write('one\n');
        await expect(store.seal(attempt, { ...claimOf('one\n'), bytes: 5 })).rejects.toThrow(PermanentError);
        await expect(store.seal(attempt, claimOf('two\n'))).rejects.toThrow(PermanentError);
        expect(await store.state(attempt)).toMatchObject({ sealed: false });
        await write('two\n');
        await store.seal(attempt, claimOf('one\ntwo\n'));
      });
    });

    describe('following', () => {
      it('yields what is there and then what comes, and ends at the seal', async () => {
        await write('one\n');
        const all = followed();
        await write('two\n', 'three\n');
        await store.seal(attempt, claimOf('one\ntwo\nthree\n'));
        expect(await all).toBe('one\ntwo\nthree\n');
      });

      it('waits for a log that does not exist yet', async () => {
        const all = followed();
        await write('one\n');
        await store.seal(attempt, claimOf('one\n'));
        expect(await all).toBe('one\n');
      });

      it('starts at an offset', async () => {
        await write('0123456789');
        await store.seal(attempt, claimOf('0123456789'));
        expect(await followed(7)).toBe('789');
      });

      it('gives many followers the same bytes, each at its own speed', async () => {
        const lines = Array.from({ length: 500 }, (_, n) => `line ${n}\n`);
        const all = Array.from({ length: 20 }, () => followed());
        for (const line of lines) await write(line);
        await store.seal(attempt, claimOf(lines.join('')));
        for (const text of await Promise.all(all)) expect(text).toBe(lines.join(''));
      });

      it('lets a slow follower read everything although the log is sealed long before', async () => {
        await write('x'.repeat(700_000));
        const slow = store.follow(attempt, 0, abort.signal)[Symbol.asyncIterator]();
        const first = await slow.next();
        await write('end');
        await store.seal(attempt, claimOf(`${'x'.repeat(700_000)}end`));
        let bytes = (first.value as { bytes: Buffer }).bytes.length;
        for (let next = await slow.next(); !next.done; next = await slow.next()) bytes += next.value.bytes.length;
        expect(bytes).toBe(700_003);
      });

      it('ends when the signal aborts, before and while waiting', async () => {
        await write('one\n');
        const all = followed();
        abort.abort();
        expect('one\n'.startsWith(await all)).toBe(true);
        expect(await followed()).toBe('');
      });

      it('ends when the log is deleted', async () => {
        await write('one\n');
        const iterator = store.follow(attempt, 0, abort.signal)[Symbol.asyncIterator]();
        await iterator.next();
        const end = iterator.next();
        await store.delete(attempt);
        expect(await end).toMatchObject({ done: true });
      });
    });

    it('starts again from nothing after it was deleted, also when that is said twice', async () => {
      await write('one\n');
      await store.seal(attempt, claimOf('one\n'));
      await store.delete(attempt);
      await store.delete(attempt);
      expect(await store.state(attempt)).toEqual({ nextOffset: 0, nextSequence: 0, sealed: false });
    });

    it('streams a log of 100,000 lines in frames', async () => {
      const part = Array.from({ length: 1_000 }, (_, n) => `this is line number ${n} of a long log\n`).join('');
      const all = followed();
      for (let n = 0; n < 100; n += 1) await write(part);
      await store.seal(attempt, claimOf(part.repeat(100)));
      expect(await all).toBe(part.repeat(100));
    });
  });
