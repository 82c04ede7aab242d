import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PermanentError, TransientError } from '@foldline/kernel';
import { logStoreContract, withRealServer } from '@foldline/testing';
import { BreakableProxy, Hosts, claimOf, followAll, frame } from './s3-logs.fixture.ts';

const attempt = '01hzx.0.1';

withRealServer('FOLDLINE_TEST_S3_URL', (url) => {
  logStoreContract('in S3', async () => {
    const hosts = await Hosts.open(url);
    return { store: await hosts.start('a'), reopen: () => hosts.start('a'), close: () => hosts.close() };
  });

  describe('logs in S3, seen from another host', () => {
    let hosts: Hosts;
    let abort: AbortController;
    beforeEach(async () => {
      hosts = await Hosts.open(url);
      abort = new AbortController();
    });
    afterEach(async () => {
      abort.abort();
      await hosts.close();
    });

    const follow = (store: Parameters<typeof followAll>[0]) => followAll(store, attempt, abort.signal);
    /** Waits for what must become true; a test that waits in vain ends by its own time limit. */
    const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
      while (!(await condition())) await sleep(10);
    };
    const spools = (name: string) => readdirSync(hosts.spoolDirectory(name));

    it('shows output long before it is uploaded, by hints', async () => {
      const writer = await hosts.start('writer', { segmentMs: 60_000 });
      const reader = await hosts.start('reader', { pollMs: 60_000 });
      const pieces = reader.follow(attempt, 0, abort.signal)[Symbol.asyncIterator]();
      const first = pieces.next();
      await until(async () => (await reader.state(attempt)).nextOffset === 0);
      await writer.append(attempt, frame(0, 0, 'one\n'));
      expect((await first).value).toMatchObject({ offset: 0, bytes: Buffer.from('one\n') });
      expect(await hosts.keys()).toEqual([]);
    });

    it('gives every byte once and in order although every hint is lost', async () => {
      hosts.signals.lost = true;
      const writer = await hosts.start('writer', { segmentMs: 50 });
      const reader = await hosts.start('reader', { pollMs: 50 });
      const all = follow(reader);
      let text = '';
      for (let n = 0; n < 30; n += 1) {
        await writer.append(attempt, frame(n, Buffer.byteLength(text), `line ${n}\n`));
        text += `line ${n}\n`;
        await sleep(10);
      }
      await writer.seal(attempt, claimOf(text));
      expect((await all).toString()).toBe(text);
    });

    it('gives every byte once and in order although hints are lost now and then', async () => {
      const writer = await hosts.start('writer', { segmentMs: 100 });
      const reader = await hosts.start('reader', { pollMs: 100 });
      const all = follow(reader);
      let text = '';
      for (let n = 0; n < 100; n += 1) {
        hosts.signals.lost = n % 7 < 3;
        const line = `${n} ${'x'.repeat((n * 997) % 20_000)}\n`;
        await writer.append(attempt, frame(n, text.length, line));
        text += line;
        await sleep(5);
      }
      await writer.seal(attempt, claimOf(text));
      expect((await all).toString()).toBe(text);
    });

    it('keeps one object and the seal, and lets go of the spool, when a long log is sealed', async () => {
      const writer = await hosts.start('writer', { segmentBytes: 10, inlineBytes: 94 });
      const text = 'x'.repeat(95);
      for (let n = 0; n < 5; n += 1) await writer.append(attempt, frame(n, n * 19, 'x'.repeat(19)));
      await writer.seal(attempt, claimOf(text));
      expect(await hosts.keys()).toEqual([`logs/${attempt}/seal`, `logs/${attempt}/whole-${claimOf(text).sha256}`]);
      expect(spools('writer')).toEqual([]);
      expect((await writer.read(attempt, 90, 200)).toString()).toBe('xxxxx');
    });

    it('is sealed from a host that did not write it, which asks the writer for the rest', async () => {
      const writer = await hosts.start('writer', { segmentMs: 60_000 });
      const sealer = await hosts.start('sealer');
      await writer.append(attempt, frame(0, 0, 'one\n'));
      await sealer.seal(attempt, claimOf('one\n'));
      await until(() => spools('writer').length === 0);
      expect(await writer.append(attempt, frame(1, 4, 'two\n'))).toMatchObject({ nextOffset: 4, sealed: true });
      expect((await sealer.read(attempt, 0, 10)).toString()).toBe('one\n');
    });

    it('is not sealed while acknowledged bytes may still arrive, and given up when they do not', async () => {
      const sealer = await hosts.start('sealer', { arrivalMs: 150, abandonedMs: 400 });
      await expect(sealer.seal(attempt, claimOf('one\n'))).rejects.toThrow(TransientError);
      await sleep(300);
      await expect(sealer.seal(attempt, claimOf('one\n'))).rejects.toThrow(PermanentError);
      await sealer.seal(attempt, claimOf(''));
    });

    it('stays as it was sealed when a writer that was given up comes back', async () => {
      hosts.signals.lost = true;
      const writer = await hosts.start('writer', { segmentMs: 20, tidyMs: 100 });
      const sealer = await hosts.start('sealer');
      await writer.append(attempt, frame(0, 0, 'one\n'));
      await until(async () => (await sealer.state(attempt)).nextOffset === 4);
      await sealer.seal(attempt, claimOf('one\n'));
      await writer.append(attempt, frame(1, 4, 'late\n'));
      await until(async () => (await writer.state(attempt)).sealed);
      expect(spools('writer')).toEqual([]);
      expect((await follow(sealer)).toString()).toBe('one\n');
      expect((await writer.read(attempt, 0, 100)).toString()).toBe('one\n');
    });

    it('does not take what a second writer says about the same place', async () => {
      hosts.signals.lost = true;
      const first = await hosts.start('first', { segmentMs: 20 });
      const second = await hosts.start('second', { segmentMs: 300 });
      await second.append(attempt, frame(0, 0, 'theirs\n'));
      await first.append(attempt, frame(0, 0, 'mine\n'));
      await until(async () => (await hosts.keys()).length === 1);
      await expect(second.seal(attempt, claimOf('theirs\n'))).rejects.toThrow(PermanentError);
      await expect(second.append(attempt, frame(1, 7, 'x'))).rejects.toThrow(PermanentError);
      await first.seal(attempt, claimOf('mine\n'));
      expect((await first.read(attempt, 0, 100)).toString()).toBe('mine\n');
    });

    it('goes on from the bucket when the spool was lost with its disk', async () => {
      const before = await hosts.start('before', { segmentMs: 20 });
      await before.append(attempt, frame(0, 0, 'one\n'));
      await until(async () => (await hosts.keys()).length === 1);
      const after = await hosts.start('after');
      expect(await after.state(attempt)).toMatchObject({ nextOffset: 4, sealed: false });
      expect(await after.append(attempt, frame(0, 0, 'one\n'))).toMatchObject({ nextOffset: 4 });
      await after.append(attempt, frame(1, 4, 'two\n'));
      await after.seal(attempt, claimOf('one\ntwo\n'));
      expect((await follow(before)).toString()).toBe('one\ntwo\n');
    });

    it('ends for its followers when another host deletes it, told or not', async () => {
      hosts.signals.lost = true;
      const writer = await hosts.start('writer', { segmentMs: 20 });
      const reader = await hosts.start('reader', { pollMs: 20 });
      await writer.append(attempt, frame(0, 0, 'one\n'));
      const pieces = reader.follow(attempt, 0, abort.signal)[Symbol.asyncIterator]();
      expect((await pieces.next()).value).toMatchObject({ bytes: Buffer.from('one\n') });
      const next = pieces.next();
      await writer.delete(attempt);
      expect(await next).toMatchObject({ done: true });
      expect(await hosts.keys()).toEqual([]);
      expect(spools('writer')).toEqual([]);
    });

    it('keeps nothing but the seal, with the log within, when a short log is sealed', async () => {
      const writer = await hosts.start('writer', { segmentBytes: 10, inlineBytes: 95 });
      const text = 'x'.repeat(95);
      await writer.append(attempt, frame(0, 0, text));
      await writer.seal(attempt, claimOf(text));
      expect(await hosts.keys()).toEqual([`logs/${attempt}/seal`]);
      expect(spools('writer')).toEqual([]);
      expect((await writer.read(attempt, 90, 200)).toString()).toBe('xxxxx');
    });

    it('fails loudly for a sealed log whose object was cut short or changed', async () => {
      const writer = await hosts.start('writer');
      await writer.append(attempt, frame(0, 0, 'one\ntwo\n'));
      await writer.seal(attempt, claimOf('one\ntwo\n'));
      const [key] = await hosts.keys();
      for (const bytes of ['one\n', 'one\ntwx\n']) {
        await hosts.bucket.put(key!, Buffer.from(bytes));
        await expect(writer.read(attempt, 0, 8)).rejects.toThrow(PermanentError);
        await expect(follow(writer)).rejects.toThrow(PermanentError);
      }
      await hosts.bucket.delete(key!);
      await expect(writer.read(attempt, 0, 8)).rejects.toThrow(PermanentError);
    });

    describe('while the bucket cannot be reached', () => {
      let proxy: BreakableProxy;
      beforeEach(async () => {
        proxy = await BreakableProxy.before(hosts.settings.endpoint);
      });
      afterEach(() => proxy.close());

      it('takes output into the spool, and uploads it afterwards', async () => {
        const writer = await hosts.start('writer', { segmentMs: 20 }, proxy.endpoint);
        const reader = await hosts.start('reader', { pollMs: 50 });
        const all = follow(reader);
        await writer.append(attempt, frame(0, 0, 'one\n'));
        proxy.break();
        await writer.append(attempt, frame(1, 4, 'two\n'));
        await writer.append('another.1', frame(0, 0, 'new\n'));
        await expect(writer.seal(attempt, claimOf('one\ntwo\n'))).rejects.toThrow(TransientError);
        expect(await writer.append(attempt, frame(2, 8, 'three\n'))).toMatchObject({ nextOffset: 14 });
        proxy.mend();
        await writer.seal(attempt, claimOf('one\ntwo\nthree\n'));
        expect((await all).toString()).toBe('one\ntwo\nthree\n');
        await until(async () => (await reader.state('another.1')).nextOffset === 4);
      });

      it('lets followers wait and then go on', async () => {
        const writer = await hosts.start('writer', { segmentMs: 20 });
        const reader = await hosts.start('reader', { pollMs: 50 }, proxy.endpoint);
        hosts.signals.lost = true;
        await writer.append(attempt, frame(0, 0, 'one\n'));
        const pieces = reader.follow(attempt, 0, abort.signal)[Symbol.asyncIterator]();
        expect((await pieces.next()).value).toMatchObject({ offset: 0 });
        proxy.break();
        const next = pieces.next();
        await writer.append(attempt, frame(1, 4, 'two\n'));
        await sleep(500);
        proxy.mend();
        expect((await next).value).toMatchObject({ offset: 4, bytes: Buffer.from('two\n') });
      });

      it('keeps writers waiting when the spool is full, and fails for now when that lasts', async () => {
        const limits = { segmentMs: 20, spoolBytes: 1_000, roomMs: 1_000 };
        const writer = await hosts.start('writer', limits, proxy.endpoint);
        proxy.break();
        await writer.append(attempt, frame(0, 0, 'x'.repeat(900)));
        await expect(writer.append(attempt, frame(1, 900, 'y'.repeat(200)))).rejects.toThrow(TransientError);
        const waiting = writer.append(attempt, frame(1, 900, 'y'.repeat(200)));
        proxy.mend();
        expect(await waiting).toMatchObject({ nextOffset: 1_100 });
        await writer.seal(attempt, claimOf('x'.repeat(900) + 'y'.repeat(200)));
        expect(existsSync(hosts.spoolDirectory('writer'))).toBe(true);
      });
    });
  });
});
