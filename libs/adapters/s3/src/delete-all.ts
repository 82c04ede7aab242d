import type { S3Bucket } from './s3-bucket.ts';

/** What the protocol deletes in one call. */
const AT_ONCE = 1_000;
const ABSENT = 'NoSuchKey';

type Failure = { Code?: string; Message?: string };

/** Deletes objects, a thousand per call. What is not there is deleted; another failure of any of them is thrown. */
export const deleteAll = async (bucket: S3Bucket, keys: readonly string[]): Promise<void> => {
  if (keys.length === 1) return bucket.delete(keys[0]!);
  for (let n = 0; n < keys.length; n += AT_ONCE) {
    const some = keys.slice(n, n + AT_ONCE);
    await bucket.call('delete objects', async () => {
      const failures = (await bucket.client.removeObjects(bucket.name, some)) as readonly (Failure | null)[];
      const failure = failures.find((one) => one && one.Code !== ABSENT);
      if (failure)
        throw Object.assign(new Error(failure.Message ?? 'an object was not deleted'), { code: failure.Code });
    });
  }
};
