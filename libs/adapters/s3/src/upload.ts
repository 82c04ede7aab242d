import { TransientError } from '@foldline/kernel';
import type { S3Head, S3Part } from './objects.ts';
import type { S3Bucket } from './s3-bucket.ts';

const AT_ONCE = 3;
const GIB = 1024 ** 3;
/** What the protocol copies in one call. */
const COPY_LIMIT = 5 * GIB;
const COPY_PART_BYTES = GIB;

/**
 * Uploads an object in parts, a few at once, and holds no more of them in memory. It is there as a whole or not at
 * all: an error of the source or the server aborts the upload, and nothing remains.
 */
export const uploadParts = async (bucket: S3Bucket, key: string, parts: AsyncIterable<Buffer>): Promise<S3Head> => {
  const uploadId = await bucket.beginUpload(key);
  try {
    const { sent, bytes } = await sendAll(bucket, key, uploadId, parts);
    return await complete(bucket, key, uploadId, sent, bytes);
  } catch (error) {
    await bucket.abortUpload(key, uploadId).catch(() => undefined);
    throw error;
  }
};

/** A copy made by the server, of any size. */
export const copyObject = async (
  bucket: S3Bucket,
  from: string,
  to: string,
  source: S3Head,
  limit = COPY_LIMIT,
): Promise<void> => {
  if (source.bytes <= limit) {
    await bucket.copy(from, to, source.etag);
    // A copy can fail after its answer has begun, with a status that says success.
    if ((await bucket.head(to))?.bytes === source.bytes) return;
    throw new TransientError('S3: a copy is not there as it was asked for');
  }
  const uploadId = await bucket.beginUpload(to);
  try {
    const parts: S3Part[] = [];
    const step = Math.min(limit, COPY_PART_BYTES);
    for (let start = 0; start < source.bytes; start += step) {
      const range = { start, end: Math.min(source.bytes, start + step) };
      const part = { key: from, etag: source.etag, ...range };
      parts.push(await bucket.copyPart(to, uploadId, parts.length + 1, part));
    }
    await complete(bucket, to, uploadId, parts, source.bytes);
  } catch (error) {
    await bucket.abortUpload(to, uploadId).catch(() => undefined);
    throw error;
  }
};

/** The last call may be answered by silence although it has been done: then what is there decides. */
const complete = async (
  bucket: S3Bucket,
  key: string,
  uploadId: string,
  parts: readonly S3Part[],
  bytes: number,
): Promise<S3Head> => {
  let failure: unknown;
  try {
    await bucket.completeUpload(key, uploadId, parts);
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
    failure = error;
  }
  const found = await bucket.head(key);
  if (found?.bytes === bytes) return found;
  throw failure ?? new TransientError('S3: an upload that was completed is not there as it was sent');
};

const sendAll = async (bucket: S3Bucket, key: string, uploadId: string, parts: AsyncIterable<Buffer>) => {
  const sent: S3Part[] = [];
  const onTheWay: Promise<S3Part>[] = [];
  let bytes = 0;
  let count = 0;
  try {
    for await (const part of parts) {
      bytes += part.length;
      const sending = bucket.uploadPart(key, uploadId, (count += 1), part);
      // A failure is told when its turn comes below, not as one that nobody handles.
      sending.catch(() => undefined);
      onTheWay.push(sending);
      if (onTheWay.length >= AT_ONCE) sent.push(await onTheWay.shift()!);
    }
    while (onTheWay.length > 0) sent.push(await onTheWay.shift()!);
    return { sent, bytes };
  } finally {
    await Promise.allSettled(onTheWay);
  }
};
