import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { localSignals } from '@foldline/host';
import { PermanentError } from '@foldline/kernel';
import { openS3LogStore } from '@foldline/log-store-s3';
import { openS3ObjectStore } from '@foldline/object-store-s3';
import { openS3Bucket, type S3Bucket } from '@foldline/s3';
import { withRealServer } from '@foldline/testing';
import { PAYLOADS } from '../payloads-prefix.ts';
import { KEY_MARK, requireInstanceKey } from './require-instance-key.ts';

const KEY_BYTES = 32;
type Rule = { Filter?: { Prefix?: string }; Prefix?: string; Expiration?: unknown };

withRealServer('FOLDLINE_TEST_S3_URL', (url) => {
  describe('the key of an instance', () => {
    const key = randomBytes(KEY_BYTES);
    const other = randomBytes(KEY_BYTES);
    let bucket: S3Bucket;

    beforeEach(async () => {
      const { protocol, host, username, password } = new URL(url);
      const name = `instance-${randomBytes(6).toString('hex')}`;
      const settings = { endpoint: `${protocol}//${host}`, accessKey: username, secretKey: password, bucket: name };
      bucket = await openS3Bucket(settings);
    });
    afterEach(async () => {
      for (const object of await bucket.list('')) await bucket.delete(object.key);
      await bucket.client.removeBucket(bucket.name);
      bucket.close();
    });

    const stored = async (): Promise<string | undefined> => (await bucket.read(KEY_MARK))?.bytes.toString();

    it('is the key of the first that asks, and stays as it was written', async () => {
      await requireInstanceKey(bucket, key);
      const first = await stored();
      expect(first).toContain('sealed');
      await requireInstanceKey(bucket, key);
      expect(await stored()).toBe(first);
    });

    it('refuses another key: names the setting and what to do, and neither key', async () => {
      await requireInstanceKey(bucket, key);
      const refused: unknown = await requireInstanceKey(bucket, other).catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'secret_key_differs', fields: { bucket: bucket.name, object: KEY_MARK } });
      const { message } = refused as Error;
      expect(message).toMatch(/^FOLDLINE_SECRET_KEY .*begun with.*Give the key that all others have/);
      for (const each of [key, other]) expect(message).not.toContain(each.toString('base64url'));
      await requireInstanceKey(bucket, key);
    });

    it('is one of those that several ask for first at once', async () => {
      const keys = Array.from({ length: 8 }, () => randomBytes(KEY_BYTES));
      const settled = await Promise.allSettled(keys.map((each) => requireInstanceKey(bucket, each)));
      const reasons = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
      expect(reasons).toEqual(reasons.map(() => expect.objectContaining({ code: 'secret_key_differs' })));
      expect(reasons).toHaveLength(keys.length - 1);
      await requireInstanceKey(bucket, keys[settled.findIndex(({ status }) => status === 'fulfilled')]!);
    });

    it.each<[string, Buffer]>([
      ['empty', Buffer.alloc(0)],
      ['something else', Buffer.from('{"sealed":"v1.no"}')],
      ['too long', Buffer.alloc(100_000, '{')],
    ])('says what to do when its mark is %s, and leaves that alone', async (_what, bytes) => {
      await bucket.put(KEY_MARK, bytes);
      const refused: unknown = await requireInstanceKey(bucket, key).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(PermanentError);
      expect((refused as Error).message).toMatch(/instance\/secret-key .*FOLDLINE_SECRET_KEY, is damaged.*delete/);
      expect(await stored()).toBe(bytes.toString());
    });

    it('expires by no rule that the stores give the bucket', async () => {
      const directory = mkdtempSync(join(tmpdir(), 'foldline-instance-'));
      try {
        for (const prefix of ['', PAYLOADS]) await openS3ObjectStore({ bucket, prefix });
        const spoolDirectory = join(directory, 'spool');
        await (await openS3LogStore({ bucket, signals: localSignals(), spoolDirectory })).close();
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
      const { Rule: rules } = (await bucket.client.getBucketLifecycle(bucket.name)) as unknown as { Rule: Rule[] };
      const deleting = rules.filter((rule) => rule.Expiration !== undefined);
      const prefixes = deleting.map((rule) => rule.Filter?.Prefix ?? rule.Prefix ?? '');
      expect(prefixes.toSorted()).toEqual(['payloads/uploads/', 'uploads/']);
      expect(prefixes.filter((prefix) => KEY_MARK.startsWith(prefix))).toEqual([]);
    });
  });
});
