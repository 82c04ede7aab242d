import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PermanentError, type ObjectStore } from '@foldline/kernel';
import { openS3Bucket, type S3Bucket, type S3Settings } from '@foldline/s3';
import { objectStoreContract, withRealServer } from '@foldline/testing';
import { openS3ObjectStore } from './s3-object-store.ts';

const settingsOf = (text: string): S3Settings => {
  const url = new URL(text);
  const bucket = `objects-${randomBytes(6).toString('hex')}`;
  return { endpoint: `${url.protocol}//${url.host}`, accessKey: url.username, secretKey: url.password, bucket };
};

const removeBucket = async (bucket: S3Bucket): Promise<void> => {
  for (const { key } of await bucket.list('')) await bucket.delete(key);
  await bucket.client.removeBucket(bucket.name);
  bucket.close();
};

const keyOf = (digest: string, prefix = ''): string => `${prefix}blobs/${digest.slice(0, 2)}/${digest}`;

async function* pattern(mebibytes: number): AsyncGenerator<Buffer> {
  for (let n = 0; n < mebibytes; n += 1) yield Buffer.alloc(1024 * 1024, n);
}

withRealServer('FOLDLINE_TEST_S3_URL', (url) => {
  objectStoreContract('in S3', async () => {
    const bucket = await openS3Bucket(settingsOf(url));
    return {
      store: await openS3ObjectStore({ bucket }),
      damage: async (digest) => {
        const { bytes } = (await bucket.read(keyOf(digest)))!;
        bytes[Math.floor(bytes.length / 2)]! ^= 1;
        await bucket.put(keyOf(digest), bytes);
      },
      close: () => removeBucket(bucket),
    };
  });

  describe('objects in S3', () => {
    let bucket: S3Bucket;
    let store: ObjectStore;
    let directory: string;
    beforeEach(async () => {
      bucket = await openS3Bucket(settingsOf(url));
      store = await openS3ObjectStore({ bucket });
      directory = mkdtempSync(join(tmpdir(), 'foldline-objects-s3-'));
    });
    afterEach(async () => {
      rmSync(directory, { recursive: true, force: true });
      await removeBucket(bucket);
    });

    const unfinished = async (): Promise<number> =>
      (await bucket.client.listIncompleteUploads(bucket.name, '', true).toArray()).length;
    const keys = async (): Promise<string[]> => (await bucket.list('')).map(({ key }) => key);

    it('streams 200 MB with little memory and leaves nothing but the object', async () => {
      // For the tests of such rules a day lasts two seconds here, and this upload is no leftover.
      await bucket.client.removeBucketLifecycle(bucket.name);
      const before = process.memoryUsage().rss;
      let peak = before;
      const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 20);
      const hash = createHash('sha256');
      const source = async function* () {
        for await (const chunk of pattern(200)) {
          hash.update(chunk);
          yield chunk;
        }
      };
      const stored = await store.put(Readable.from(source()));
      clearInterval(watch);
      expect(stored).toEqual({ digest: hash.digest('hex'), bytes: 200 * 1024 * 1024 });
      expect(peak - before).toBeLessThan(140 * 1024 * 1024);
      expect(await keys()).toEqual([keyOf(stored.digest)]);
      expect(await unfinished()).toBe(0);
      await store.copyToFile(stored.digest, join(directory, 'copy'), 0o600);
      expect(await store.putFile(join(directory, 'copy'))).toEqual(stored);
    });

    it('aborts an upload in parts that grows too large or breaks off', async () => {
      const broken = async function* () {
        yield* pattern(20);
        throw new Error('the sender went away');
      };
      await expect(store.put(Readable.from(pattern(40)), { maxBytes: 30_000_000 })).rejects.toMatchObject({
        code: 'object_too_large',
      });
      await expect(store.put(Readable.from(broken()))).rejects.toThrow();
      expect(await keys()).toEqual([]);
      expect(await unfinished()).toBe(0);
    });

    it('keeps a file that is written to while it is stored as it was read', async () => {
      const path = join(directory, 'growing');
      writeFileSync(path, 'first');
      const head = bucket.head.bind(bucket);
      bucket.head = async (key) => {
        writeFileSync(path, 'second');
        return head(key);
      };
      const { digest, bytes } = await store.putFile(path);
      expect((await store.read(digest))?.toString()).toBe('second');
      expect(bytes).toBe(6);
      expect(await keys()).toEqual([keyOf(digest)]);
    });

    it('writes an object again that was cut short', async () => {
      const { digest } = await store.put(Buffer.from('content'));
      await bucket.put(keyOf(digest), Buffer.from('con'));
      await expect(store.read(digest)).rejects.toThrow(PermanentError);
      await store.put(Buffer.from('content'));
      expect((await store.read(digest))?.toString()).toBe('content');
    });

    it('checks an object again for a range when it has changed since', async () => {
      const bytes = randomBytes(100_000);
      const { digest } = await store.put(bytes);
      const range = async () => Buffer.concat(await (await store.get(digest, { start: 10, end: 20 }))!.toArray());
      expect((await range()).equals(bytes.subarray(10, 20))).toBe(true);
      bytes[99_999]! ^= 1;
      await bucket.put(keyOf(digest), bytes);
      await expect(range()).rejects.toThrow(PermanentError);
    });

    it('sets the rules that clear away leftovers once and keeps the rules of others', async () => {
      const other = { ID: 'mine', Filter: { Prefix: 'x/' }, Status: 'Enabled', Expiration: { Days: 7 } };
      await bucket.client.setBucketLifecycle(bucket.name, { Rule: [other] as never });
      await openS3ObjectStore({ bucket, prefix: 'payloads/' });
      await openS3ObjectStore({ bucket, prefix: 'payloads/' });
      const found: unknown = await bucket.client.getBucketLifecycle(bucket.name);
      const ids = (found as { Rule: { ID: string }[] }).Rule.map(({ ID }) => ID);
      expect(ids.toSorted()).toEqual(['foldline-payloads-blobs', 'foldline-payloads-uploads', 'mine']);
    });

    it('keeps the objects of two stores in one bucket apart', async () => {
      const payloads = await openS3ObjectStore({ bucket, prefix: 'payloads/' });
      const { digest } = await payloads.put(Buffer.from('payload'));
      expect(await store.stat(digest)).toBeUndefined();
      expect(await keys()).toEqual([keyOf(digest, 'payloads/')]);
    });

    it('gives connections back when streams are dropped unread', async () => {
      const { digest } = await store.put(randomBytes(4_000_000));
      for (let n = 0; n < 100; n += 1) (await store.get(digest))!.destroy();
      expect((await store.stat(digest))?.bytes).toBe(4_000_000);
    });
  });
});
