import { createHash } from 'node:crypto';
import { PermanentError } from '@foldline/kernel';
import type { S3Body } from '@foldline/s3';

export const damaged = (digest: string): PermanentError =>
  new PermanentError(`the object ${digest} no longer has its digest`);

/**
 * The whole of an object, checked on the way. The last chunk is held back until the digest is known to be right, so
 * that a reader of damaged bytes always sees an error and never an end.
 */
export async function* verifiedChunks(body: S3Body, digest: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let held: Buffer | undefined;
  for await (const chunk of body.chunks) {
    hash.update(chunk);
    if (held) yield held;
    held = chunk;
  }
  if (hash.digest('hex') !== digest) throw damaged(digest);
  if (held) yield held;
}

/** Reads an object to its end and throws `PermanentError` unless it has the digest. */
export const verifyBody = async (body: S3Body, digest: string): Promise<void> => {
  const hash = createHash('sha256');
  for await (const chunk of body.chunks) hash.update(chunk);
  if (hash.digest('hex') !== digest) throw damaged(digest);
};
