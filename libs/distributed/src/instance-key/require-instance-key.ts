import { PermanentError, Refusal, TransientError } from '@foldline/kernel';
import type { S3Bucket } from '@foldline/s3';
import { isMarkOf, markOf } from './key-mark.ts';

/**
 * Where the mark of the instance's key lies: in the bucket, which one instance has for itself under whatever namespace,
 * and below no prefix of which the stores or the rules that they set delete anything.
 */
export const KEY_MARK = 'instance/secret-key';
/** Many times what a mark has: whatever is longer is none, and is not read to its end. */
const MAX_BYTES = 4_096;

/**
 * Refuses with `secret_key_differs` unless this is the key that the instance was begun with. The first to ask begins it:
 * of several at once with different keys, one does. Throws `TransientError` while S3 does not answer, and `PermanentError`
 * when what lies there is no mark.
 */
export const requireInstanceKey = async (
  bucket: Pick<S3Bucket, 'name' | 'put' | 'read'>,
  secretKey: Buffer,
): Promise<void> => {
  const mark = (await read(bucket)) ?? (await begin(bucket, secretKey));
  if (!isOf(mark, secretKey, bucket.name)) throw differs(bucket.name);
};

const read = async (bucket: Pick<S3Bucket, 'read'>): Promise<Buffer | undefined> =>
  (await bucket.read(KEY_MARK, { start: 0, end: MAX_BYTES }))?.bytes;

/** What is there afterwards counts: somebody else may have been first, or an earlier try whose answer was lost. */
const begin = async (bucket: Pick<S3Bucket, 'put' | 'read'>, secretKey: Buffer): Promise<Buffer> => {
  await bucket.put(KEY_MARK, markOf(secretKey), { ifAbsent: true });
  const mark = await read(bucket);
  if (!mark) throw new TransientError(`S3: the object ${KEY_MARK} was stored and is not there`);
  return mark;
};

const isOf = (mark: Buffer, secretKey: Buffer, bucket: string): boolean => {
  try {
    return isMarkOf(mark, secretKey);
  } catch (cause) {
    throw new PermanentError(
      `The object ${KEY_MARK} of the bucket ${bucket}, by which services know the instance's FOLDLINE_SECRET_KEY, is damaged. ` +
        'Make sure that this service has the key of all others, then delete the object: the next start makes it again',
      { cause },
    );
  }
};

const differs = (bucket: string): Refusal =>
  new Refusal(
    'secret_key_differs',
    'FOLDLINE_SECRET_KEY is not the key that this instance was begun with: what this service seals the others could not open, ' +
      'and it nothing of theirs. Give the key that all others have, or that was kept with the backup. ' +
      `Only if that other key was a mistake, and nothing is sealed with it, delete the object ${KEY_MARK} of the bucket ${bucket}`,
    { bucket, object: KEY_MARK },
  );
