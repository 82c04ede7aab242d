import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PermanentError } from '@foldline/kernel';
import { withRealServer } from '@foldline/testing';
import type { S3LogLimits } from './options.ts';
import { BreakableProxy, Hosts, claimOf, followAll, frame, requests, type Requests } from './s3-logs.fixture.ts';

const attempt = '01hzx.0.1';
const folder = `logs/${attempt}/`;
const sealKey = `${folder}seal`;

withRealServer('FOLDLINE_TEST_S3_URL', (url) => {
  describe('sealing a log in S3', () => {
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
    const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
      while (!(await condition())) await sleep(10);
    };
    const spools = (name: string) =>
      existsSync(hosts.spoolDirectory(name)) ? readdirSync(hosts.spoolDirectory(name)) : [];

    describe('that its writer has finished', () => {
      it('costs one request of the writer and one of who seals it', async () => {
        const [written, sealed] = [requests(), requests()];
        const writer = await hosts.startWatched('writer', written);
        const sealer = await hosts.startWatched('sealer', sealed);
        await writer.append(attempt, frame(0, 0, 'one\n'));
        await writer.append(attempt, frame(1, 4, 'two\n'));
        writer.finish?.(attempt, claimOf('one\ntwo\n'));
        await until(() => spools('writer').length === 0);
        await sealer.seal(attempt, claimOf('one\ntwo\n'));
        expect(written.asked).toEqual([`put ${sealKey}`]);
        expect(sealed.asked).toEqual([`read ${sealKey}`]);
        expect((await sealer.read(attempt, 2, 6)).toString()).toBe('e\ntw');
      });

      it('is checked: another claim is not the sealed log', async () => {
        const writer = await hosts.start('writer');
        await writer.append(attempt, frame(0, 0, 'one\n'));
        writer.finish?.(attempt, claimOf('one\n'));
        await until(() => spools('writer').length === 0);
        const sealer = await hosts.start('sealer');
        for (let n = 0; n < 2; n += 1) {
          await expect(sealer.seal(attempt, claimOf('two\n'))).rejects.toThrow(PermanentError);
          await sealer.seal(attempt, claimOf('one\n'));
        }
      });

      it('is one seal although others seal it at the same moment', async () => {
        const [writer, ...sealers] = [await hosts.start('w'), await hosts.start('a'), await hosts.start('b')];
        for (let n = 1; n <= 10; n += 1) {
          const id = `01hzx.0.${n}`;
          await writer.append(id, frame(0, 0, 'one\n'));
          writer.finish?.(id, claimOf('one\n'));
          await Promise.all(sealers.map((sealer) => sealer.seal(id, claimOf('one\n'))));
          expect((await sealers[0]!.read(id, 0, 10)).toString()).toBe('one\n');
        }
        await until(() => spools('w').length === 0);
      });

      it('leaves nothing of what was uploaded before', async () => {
        const writer = await hosts.start('writer', { segmentBytes: 10 });
        const text = 'x'.repeat(95);
        await writer.append(attempt, frame(0, 0, text));
        await until(async () => (await hosts.keys()).length === 10);
        writer.finish?.(attempt, claimOf(text));
        await until(() => spools('writer').length === 0);
        await until(async () => (await hosts.keys()).length === 1);
        expect((await follow(writer)).toString()).toBe(text);
      });

      it('tells viewers on other hosts that it has ended, and shows them all of it', async () => {
        const writer = await hosts.start('writer');
        const all = follow(await hosts.start('reader', { pollMs: 60_000 }));
        await sleep(50);
        await writer.append(attempt, frame(0, 0, 'one\n'));
        writer.finish?.(attempt, claimOf('one\n'));
        expect((await all).toString()).toBe('one\n');
      });

      it('is left open and uploaded when it is not what its writer says', async () => {
        const writer = await hosts.start('writer', { segmentMs: 60_000 });
        await writer.append(attempt, frame(0, 0, 'one\n'));
        writer.finish?.(attempt, claimOf('two\n'));
        await until(async () => (await hosts.keys()).length === 1);
        expect(await (await hosts.start('reader')).state(attempt)).toMatchObject({ nextOffset: 4, sealed: false });
      });

      it('is uploaded once the bucket can be reached again', async () => {
        const proxy = await BreakableProxy.before(hosts.settings.endpoint);
        const writer = await hosts.start('writer', { segmentMs: 60_000 }, proxy.endpoint);
        await writer.append(attempt, frame(0, 0, 'one\n'));
        proxy.break();
        writer.finish?.(attempt, claimOf('one\n'));
        await sleep(500);
        proxy.mend();
        await (await hosts.start('sealer')).seal(attempt, claimOf('one\n'));
        await until(() => spools('writer').length === 0);
        proxy.close();
      });

      it('keeps the segment in which others have sealed it before', async () => {
        hosts.signals.lost = true;
        const writer = await hosts.start('writer', { segmentMs: 20 });
        await writer.append(attempt, frame(0, 0, 'one\n'));
        await until(async () => (await hosts.keys()).length === 1);
        await (await hosts.start('sealer')).seal(attempt, claimOf('one\n'));
        writer.finish?.(attempt, claimOf('one\n'));
        await until(() => spools('writer').length === 0);
        await writer.close();
        expect((await follow(await hosts.start('reader'))).toString()).toBe('one\n');
      });

      it('stays as others have sealed it before', async () => {
        hosts.signals.lost = true;
        const writer = await hosts.start('writer');
        const sealer = await hosts.start('sealer');
        await writer.append(attempt, frame(0, 0, 'late\n'));
        await sealer.seal(attempt, claimOf(''));
        writer.finish?.(attempt, claimOf('late\n'));
        await until(() => spools('writer').length === 0);
        expect(await writer.state(attempt)).toMatchObject({ nextOffset: 0, sealed: true });
        expect((await follow(writer)).toString()).toBe('');
      });
    });

    it('before its first frame is noticed by the writer at its first upload', async () => {
      hosts.signals.lost = true;
      const writer = await hosts.start('writer', { segmentMs: 20 });
      await (await hosts.start('sealer')).seal(attempt, claimOf(''));
      await writer.append(attempt, frame(0, 0, 'late\n'));
      await until(() => spools('writer').length === 0);
      expect(await writer.append(attempt, frame(1, 5, 'x'))).toMatchObject({ nextOffset: 0, sealed: true });
      expect(await hosts.keys()).toEqual([sealKey]);
    });

    describe('when hosts die between any two requests', () => {
      const text = Array.from({ length: 10 }, (_, n) => `line ${n}\n`).join('');

      const writeAll = async (noted: Requests, limits: Partial<S3LogLimits>): Promise<void> => {
        const writer = await hosts.startWatched('writer', noted, limits);
        for (let n = 0; n < 10; n += 1) await writer.append(attempt, frame(n, n * 7, text.slice(n * 7, n * 7 + 7)));
        writer.finish?.(attempt, claimOf(text));
        await until(() => noted.dead || spools('writer').length === 0);
        // Nothing of a dead host goes on.
        noted.dead = true;
        await writer.close(0);
      };

      it.each([
        ['while its writer seals it', { segmentMs: 60_000 }],
        ['while its writer seals what was uploaded in part', { segmentBytes: 20 }],
      ])('has every byte %s', async (_, limits) => {
        for (const answerLost of [false, true]) {
          for (let dieAt = 0, reached = true; reached; dieAt += 1) {
            const noted = requests(dieAt, answerLost);
            await writeAll(noted, limits);
            reached = noted.asked.length > dieAt;
            const again = await hosts.start('writer');
            const sealer = await hosts.start('sealer');
            for (let n = 0; n < 2; n += 1) await sealer.seal(attempt, claimOf(text));
            expect((await follow(await hosts.start('reader'))).toString()).toBe(text);
            await until(async () => spools('writer').length === 0 && (await again.state(attempt)).sealed);
            await sealer.delete(attempt);
            expect(await hosts.keys()).toEqual([]);
          }
        }
      });

      it.each([
        ['a short log of one segment', { inlineBytes: 1_000, segmentBytes: 1_000 }],
        ['a short log of many segments', { inlineBytes: 1_000, segmentBytes: 20 }],
        ['a long log', { inlineBytes: 0, segmentBytes: 20 }],
      ])('has every byte while another host seals %s', async (_, limits) => {
        for (const answerLost of [false, true]) {
          for (let dieAt = 0, reached = true; reached; dieAt += 1) {
            const writer = await hosts.start(`writer-${answerLost}-${dieAt}`, limits);
            await writer.append(attempt, frame(0, 0, text));
            await writer.close();
            const noted = requests(dieAt, answerLost);
            const first = await hosts.startWatched('first', noted, limits);
            await first.seal(attempt, claimOf(text)).catch(() => undefined);
            reached = noted.asked.length > dieAt;
            const second = await hosts.start('second', limits);
            for (let n = 0; n < 2; n += 1) await second.seal(attempt, claimOf(text));
            expect((await follow(await hosts.start('reader'))).toString()).toBe(text);
            await second.delete(attempt);
            expect(await hosts.keys()).toEqual([]);
          }
        }
      });
    });

    describe('by an earlier release', () => {
      const text = 'one\ntwo\n';
      it.each([
        ['a segment', `${folder}000000000000000`],
        ['an object of its own', `${folder}whole-${claimOf(text).sha256}`],
      ])('left it in %s, from which it is read', async (_, key) => {
        await hosts.bucket.put(key, Buffer.from(text));
        const { bytes, etag } = (await hosts.bucket.head(key))!;
        const seal = { ...claimOf(text), segments: [{ key, offset: 0, bytes, etag }] };
        await hosts.bucket.put(sealKey, Buffer.from(JSON.stringify(seal)));
        const store = await hosts.start('store');
        expect(await store.state(attempt)).toMatchObject({ nextOffset: 8, sealed: true });
        expect((await follow(store)).toString()).toBe(text);
        expect((await store.read(attempt, 2, 5)).toString()).toBe('e\nt');
        await store.seal(attempt, claimOf(text));
        await expect(store.seal(attempt, claimOf('two\n'))).rejects.toThrow(PermanentError);
      });
    });

    it('is not believed when seal and log do not belong together', async () => {
      const { sha256 } = claimOf('one\n');
      for (const damaged of [`{"bytes":4,"sha256":"${sha256}"}\nonx\n`, `{"bytes":4,"sha256":"${sha256}"}\n`, 'x\n']) {
        await hosts.bucket.put(sealKey, Buffer.from(damaged));
        const store = await hosts.start('store');
        await expect(store.read(attempt, 0, 4)).rejects.toThrow(PermanentError);
        await expect(store.seal(attempt, claimOf('one\n'))).rejects.toThrow(PermanentError);
      }
    });
  });
});
