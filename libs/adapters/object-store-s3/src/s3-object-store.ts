import { randomBytes } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { link, open, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { PermanentError, TransientError, fromSystemError, type ObjectStore, type StoredObject } from '@foldline/kernel';
import { ensureExpiry, type S3Body, type S3Bucket } from '@foldline/s3';
import { blobKey, blobsPrefix, isDigest, isPrefix, uploadsPrefix } from './object-keys.ts';
import { ObjectUploader, digestOf } from './object-uploader.ts';
import { damaged, verifiedChunks, verifyBody } from './verified-body.ts';

const MAX_REMEMBERED = 4_096;
const READ_AHEAD_BYTES = 256 * 1024;
const TRIES = 3;

export type S3ObjectStoreOptions = {
  bucket: S3Bucket;
  /** Keeps the objects of several stores apart in one bucket: empty, or a word and a slash. */
  prefix?: string;
  /** Told once when the bucket does not take the rule that clears away what crashes leave half uploaded. */
  onNoExpiry?: () => void;
};

/**
 * Objects in an S3 bucket: `blobs/<first two digits>/<digest>`. The range of `get` counts bytes from `start` up to,
 * not including, `end`. A part has no digest of its own: the whole object is checked at the first range that this
 * process is asked for, and again when the object's etag has changed since.
 */
export const openS3ObjectStore = async (options: S3ObjectStoreOptions): Promise<ObjectStore> => {
  const prefix = options.prefix ?? '';
  if (!isPrefix(prefix)) throw new PermanentError('the prefix of an object store is empty, or a word and a slash');
  const id = `foldline-${prefix.replace('/', '-')}`;
  const set = await ensureExpiry(options.bucket, [
    { id: `${id}uploads`, prefix: uploadsPrefix(prefix), days: 1, objectsToo: true },
    { id: `${id}blobs`, prefix: blobsPrefix(prefix), days: 1, objectsToo: false },
  ]);
  if (!set) options.onNoExpiry?.();
  return new S3ObjectStore(options.bucket, prefix);
};

class S3ObjectStore implements ObjectStore {
  private readonly uploader: ObjectUploader;
  /** Objects whose whole content was checked here, by digest, with the etag at that time. */
  private readonly verified = new Map<string, string>();

  constructor(
    private readonly bucket: S3Bucket,
    private readonly prefix: string,
  ) {
    this.uploader = new ObjectUploader(bucket, prefix);
  }

  async put(content: Readable | Buffer, options: { maxBytes?: number } = {}): Promise<StoredObject> {
    try {
      return Buffer.isBuffer(content)
        ? await this.uploader.putBuffer(content, options.maxBytes)
        : await this.uploader.putStream(content, options.maxBytes);
    } catch (error) {
      throw fromSystemError(error, 'store an object');
    }
  }

  async putFile(path: string): Promise<StoredObject> {
    try {
      return await this.uploader.putFile(path);
    } catch (error) {
      throw fromSystemError(error, 'store a file');
    }
  }

  async get(digest: string, range?: { start: number; end: number }): Promise<Readable | undefined> {
    if (!isDigest(digest)) return undefined;
    if (range) return this.getRange(digest, range);
    const body = await this.bucket.get(blobKey(this.prefix, digest));
    return body && streamOf(body, verifiedChunks(body, digest));
  }

  async read(digest: string): Promise<Buffer | undefined> {
    if (!isDigest(digest)) return undefined;
    const found = await this.bucket.read(blobKey(this.prefix, digest));
    if (found && digestOf(found.bytes) !== digest) throw damaged(digest);
    return found?.bytes;
  }

  async copyToFile(digest: string, path: string, mode: number): Promise<void> {
    const temporary = `${path}.${randomBytes(6).toString('hex')}`;
    try {
      if (lstatSync(path, { throwIfNoEntry: false })) throw new PermanentError('the file exists already');
      const body = isDigest(digest) ? await this.bucket.get(blobKey(this.prefix, digest)) : undefined;
      if (!body) throw new PermanentError('there is no such object');
      await writeNew(temporary, verifiedChunks(body, digest), mode).finally(() => body.close());
      // A link, since a rename would replace what has come there meanwhile.
      await link(temporary, path);
    } catch (error) {
      throw fromSystemError(error, `write the object ${isDigest(digest) ? digest : ''} to a file`);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async stat(digest: string): Promise<StoredObject | undefined> {
    const found = isDigest(digest) ? await this.bucket.head(blobKey(this.prefix, digest)) : undefined;
    return found && { digest, bytes: found.bytes };
  }

  async delete(digest: string): Promise<void> {
    if (!isDigest(digest)) return;
    this.verified.delete(digest);
    await this.bucket.delete(blobKey(this.prefix, digest));
  }

  private async getRange(digest: string, range: { start: number; end: number }): Promise<Readable | undefined> {
    const key = blobKey(this.prefix, digest);
    for (let tries = 1; tries <= TRIES; tries += 1) {
      const head = await this.bucket.head(key);
      if (!head) return undefined;
      const end = Math.min(range.end, head.bytes);
      if (this.verified.get(digest) !== head.etag && !(await this.verify(key, digest))) return undefined;
      if (range.start >= end) return Readable.from([], { objectMode: false });
      const body = await this.bucket.get(key, { start: range.start, end });
      if (!body) return undefined;
      // The bytes are of the object that was checked, or it is checked again.
      if (body.etag === this.verified.get(digest)) return streamOf(body, body.chunks);
      body.close();
    }
    throw new TransientError(`the object ${digest} changes while it is read`);
  }

  private async verify(key: string, digest: string): Promise<boolean> {
    const body = await this.bucket.get(key);
    if (!body) return false;
    await verifyBody(body, digest);
    this.verified.set(digest, body.etag);
    if (this.verified.size > MAX_REMEMBERED) this.verified.delete(this.verified.keys().next().value ?? '');
    return true;
  }
}

/** A stream that is dropped before it was read must give its connection back too. */
const streamOf = (body: S3Body, chunks: AsyncIterable<Buffer>): Readable => {
  const stream = Readable.from(chunks, { objectMode: false, highWaterMark: READ_AHEAD_BYTES });
  stream.once('close', () => body.close());
  return stream;
};

const writeNew = async (path: string, chunks: AsyncIterable<Buffer>, mode: number): Promise<void> => {
  const file = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of chunks) await file.writeFile(chunk);
    await file.chmod(mode);
  } finally {
    await file.close();
  }
};
