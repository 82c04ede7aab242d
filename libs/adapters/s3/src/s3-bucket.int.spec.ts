import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AccessDenied, PermanentError } from '@foldline/kernel';
import { withRealServer } from '@foldline/testing';
import { openS3Bucket, type S3Bucket } from './s3-bucket.ts';
import type { S3Settings } from './settings.ts';
import { copyObject, uploadParts } from './upload.ts';

const MIB = 1024 * 1024;

withRealServer('FOLDLINE_TEST_S3_URL', (text) => {
  const url = new URL(text);
  const settings = (): S3Settings => ({
    endpoint: `${url.protocol}//${url.host}`,
    accessKey: url.username,
    secretKey: url.password,
    bucket: `driver-${randomBytes(6).toString('hex')}`,
  });

  describe('a bucket of a real server', () => {
    let bucket: S3Bucket;
    beforeEach(async () => {
      bucket = await openS3Bucket(settings());
    });
    afterEach(async () => {
      for (const { key } of await bucket.list('')) await bucket.delete(key);
      await bucket.client.removeBucket(bucket.name);
      bucket.close();
    });

    const thrownBy = (changes: Partial<S3Settings>): Promise<unknown> =>
      openS3Bucket({ ...settings(), bucket: bucket.name, ...changes }).catch((error: unknown) => error);

    it.each<[string, Partial<S3Settings>, typeof AccessDenied | typeof PermanentError, RegExp]>([
      ['a wrong secret', { secretKey: 'wrong' }, AccessDenied, /the secret key does not belong to the access key/],
      ['an unknown key', { accessKey: 'nobody' }, AccessDenied, /does not know the access key/],
      [
        'a missing bucket',
        { bucket: 'not-there-000', createBucket: false },
        PermanentError,
        /make it, or allow that it is made/,
      ],
      [
        'TLS where there is none',
        { endpoint: `https://${url.host}` },
        PermanentError,
        /http:\/\/ rather than https:\/\//,
      ],
    ])('tells the way out of %s', async (_, changes, kind, wayOut) => {
      const error = await thrownBy(changes);
      expect(error).toBeInstanceOf(kind);
      expect((error as Error).message).toMatch(wayOut);
      expect((error as Error).message).not.toContain(url.password);
    });

    it('writes what must not be there yet once, however many try', async () => {
      const all = await Promise.all(
        Array.from({ length: 10 }, (_, n) => bucket.put('one', Buffer.from(`${n}`), { ifAbsent: true })),
      );
      expect(all.filter(Boolean)).toHaveLength(1);
      expect((await bucket.read('one'))?.bytes.toString()).toBe(`${all.indexOf(true)}`);
    });

    it('lists more than one page in the order of keys', async () => {
      const keys = Array.from({ length: 1_005 }, (_, n) => `logs/a/${String(n).padStart(5, '0')}`);
      for (let n = 0; n < keys.length; n += 50) {
        await Promise.all(keys.slice(n, n + 50).map((key) => bucket.put(key, Buffer.from('x'))));
      }
      expect((await bucket.list('logs/a/')).map(({ key }) => key)).toEqual(keys);
      expect((await bucket.list('logs/a/', keys[1_000])).map(({ key }) => key)).toEqual(keys.slice(1_001));
    });

    it('copies an object that is too large for one call in parts', async () => {
      const parts = async function* () {
        yield Buffer.alloc(8 * MIB, 1);
        yield Buffer.alloc(3 * MIB, 2);
      };
      const source = await uploadParts(bucket, 'uploads/a', parts());
      await copyObject(bucket, 'uploads/a', 'blobs/a', source, 6 * MIB);
      const copied = (await bucket.read('blobs/a'))!.bytes;
      expect(copied.equals(Buffer.concat([Buffer.alloc(8 * MIB, 1), Buffer.alloc(3 * MIB, 2)]))).toBe(true);
    });
  });
});
