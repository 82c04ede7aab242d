import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openS3ObjectStore } from '@foldline/object-store-s3';
import { openS3Bucket, type S3Bucket } from '@foldline/s3';
import { withRealServer } from '@foldline/testing';
import { openEmbeddedEventStore } from '@foldline/event-store-embedded';
import { checkLogs, copyLogs } from './copy-logs.ts';
import { copyObjects } from './copy-objects.ts';
import { openSource, type Source } from './source.ts';
import { withLogs } from './target.ts';

const silent = (): void => undefined;
const now = (): string => '2026-01-01T00:00:00.000Z';
const claimOf = (bytes: Buffer) => ({ bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });

withRealServer('FOLDLINE_TEST_S3_URL', (url) => {
  describe('moving bytes to S3', () => {
    let directory: string;
    let source: Source;
    let bucket: S3Bucket;

    beforeEach(async () => {
      directory = mkdtempSync(join(tmpdir(), 'foldline-bytes-'));
      await (await openEmbeddedEventStore({ directory: join(directory, 'events'), now })).close();
      source = await openSource(directory, now);
      const { protocol, host, username, password } = new URL(url);
      const name = `moving-${randomBytes(6).toString('hex')}`;
      const settings = { endpoint: `${protocol}//${host}`, accessKey: username, secretKey: password, bucket: name };
      bucket = await openS3Bucket(settings);
    });
    afterEach(async () => {
      for (const { key } of await bucket.list('')) await bucket.delete(key);
      await bucket.client.removeBucket(bucket.name);
      bucket.close();
      await source.close();
      rmSync(directory, { recursive: true });
    });

    const write = async (attemptId: string, bytes: Buffer, seal = true): Promise<void> => {
      await source.logs.store.append(attemptId, { sequence: 0, offset: 0, bytes });
      if (seal) await source.logs.store.seal(attemptId, claimOf(bytes));
    };
    const copy = (work: typeof copyLogs) =>
      withLogs(bucket, (target) => work({ source, target, attempts: source.logs.attempts() }, silent));

    it('copies logs of any length, sealed or not', async () => {
      const logs = new Map([
        ['a.0.1', Buffer.from('short\n')],
        ['a.0.2', randomBytes(3 * 1024 * 1024 + 7)],
        ['a.1.1', Buffer.alloc(0)],
      ]);
      for (const [attemptId, bytes] of logs) {
        if (bytes.length > 0) await write(attemptId, bytes);
        else await source.logs.store.seal(attemptId, claimOf(bytes));
      }
      await write('b.0.1', Buffer.from('cut off'), false);
      expect(await copy(copyLogs)).toEqual({ logs: 4, problems: [] });
      expect(await copy(checkLogs)).toEqual({ logs: 4, problems: [] });
      await withLogs(bucket, async (there) => {
        for (const [attemptId, bytes] of logs) {
          expect((await there.state(attemptId)).sealed).toBe(true);
          expect((await there.read(attemptId, 0, 10_000_000)).equals(bytes)).toBe(true);
        }
        expect(await there.state('b.0.1')).toMatchObject({ nextOffset: 7, sealed: false });
      });
    });

    it('goes on in a log that was copied in part, and leaves alone what is there', async () => {
      const bytes = randomBytes(700_000);
      await write('a.0.1', bytes);
      await withLogs(bucket, (there) =>
        there.append('a.0.1', { sequence: 0, offset: 0, bytes: bytes.subarray(0, 300_001) }),
      );
      expect(await copy(checkLogs)).toMatchObject({
        problems: [expect.stringContaining('log of a.0.1: 300001 of 700000')],
      });
      expect(await copy(copyLogs)).toEqual({ logs: 1, problems: [] });
      expect(await copy(checkLogs)).toEqual({ logs: 1, problems: [] });
      const before = await bucket.list('logs/');
      expect(await copy(copyLogs)).toEqual({ logs: 1, problems: [] });
      expect(await bucket.list('logs/')).toEqual(before);
    });

    it('names a log that is another one in the bucket', async () => {
      await write('a.0.1', Buffer.from('what was written'));
      await withLogs(bucket, (there) => there.append('a.0.1', { sequence: 0, offset: 0, bytes: Buffer.from('else') }));
      expect((await copy(copyLogs)).problems).toEqual([expect.stringMatching(/^log of a\.0\.1: .*digest/)]);
    });

    it('copies objects once, and names one that is damaged', async () => {
      const [good, bad] = [
        await source.objects.store.put(randomBytes(100)),
        await source.objects.store.put(randomBytes(50)),
      ];
      const file = join(directory, 'objects/sha256', bad.digest.slice(0, 2), bad.digest);
      rmSync(file);
      writeFileSync(file, randomBytes(50));
      const target = await openS3ObjectStore({ bucket });
      const { objects, problems } = await copyObjects(source.objects, target, silent);
      expect(objects).toBe(2);
      expect(problems).toEqual([expect.stringContaining(`object ${bad.digest}: `)]);
      expect(await target.stat(good.digest)).toEqual(good);
      expect(await target.stat(bad.digest)).toBeUndefined();
    });
  });
});
