import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, type FileHandle } from 'node:fs/promises';
import { PermanentError, Refusal, type StoredObject } from '@foldline/kernel';
import { PART_BYTES, copyObject, partsOf, uploadParts, type S3Bucket } from '@foldline/s3';
import { blobKey, uploadKey } from './object-keys.ts';

/** Up to this size asking first costs more than sending what may be there already. */
const SMALL_BYTES = 64 * 1024;
const CHUNK_BYTES = 1024 * 1024;

export const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const tooLarge = (maxBytes: number): Refusal =>
  new Refusal('object_too_large', `the object is larger than the ${maxBytes} bytes allowed`, { maxBytes });

type Tally = { hash: Hash; bytes: number };

/** Brings objects to their place. Whatever is at a digest's key was complete when it came there. */
export class ObjectUploader {
  constructor(
    private readonly bucket: S3Bucket,
    private readonly prefix: string,
  ) {}

  async putBuffer(content: Buffer, maxBytes = Infinity): Promise<StoredObject> {
    if (content.length > maxBytes) throw tooLarge(maxBytes);
    const object = { digest: digestOf(content), bytes: content.length };
    if (content.length > SMALL_BYTES && (await this.isKept(object))) return object;
    await this.send(object, piecesOf(content));
    return object;
  }

  /** The digest is known only at the end: what is larger than one part goes to a temporary key first. */
  async putStream(source: AsyncIterable<Buffer | string>, maxBytes = Infinity): Promise<StoredObject> {
    const tally: Tally = { hash: createHash('sha256'), bytes: 0 };
    const parts = partsOf(tallied(source, tally, maxBytes));
    try {
      const first = await parts.next();
      if (first.done || first.value.length < PART_BYTES) return await this.putBuffer(first.value ?? Buffer.alloc(0));
      return await this.putLarge(first.value, parts, tally);
    } finally {
      await parts.return(undefined);
    }
  }

  /**
   * Reads a file twice, so that it is not sent at all when it is there already, and needs no copy when it is not. One
   * that is written to meanwhile is sent as it is read.
   */
  async putFile(path: string): Promise<StoredObject> {
    if (!(await lstat(path)).isFile()) throw new PermanentError('only a regular file can be stored');
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const tally: Tally = { hash: createHash('sha256'), bytes: 0 };
      for await (const _ of tallied(chunksOf(file), tally, Infinity));
      const object = { digest: tally.hash.digest('hex'), bytes: tally.bytes };
      if (!(await this.isKept(object))) await this.send(object, checked(chunksOf(file), object));
      return object;
    } catch (error) {
      if (!(error instanceof FileChanged)) throw error;
      return await this.putStream(chunksOf(file));
    } finally {
      await file.close();
    }
  }

  private async putLarge(first: Buffer, rest: AsyncIterable<Buffer>, tally: Tally): Promise<StoredObject> {
    const temporary = uploadKey(this.prefix);
    const uploaded = await uploadParts(this.bucket, temporary, startingWith(first, rest));
    try {
      const object = { digest: tally.hash.digest('hex'), bytes: tally.bytes };
      if (!(await this.isKept(object))) {
        await copyObject(this.bucket, temporary, blobKey(this.prefix, object.digest), uploaded);
      }
      return object;
    } finally {
      // The bucket's lifecycle removes what cannot be removed now; the object itself is stored.
      await this.bucket.delete(temporary).catch(() => undefined);
    }
  }

  /** Sends bytes whose digest is known straight to their key. */
  private async send(object: StoredObject, source: AsyncIterable<Buffer>): Promise<void> {
    const key = blobKey(this.prefix, object.digest);
    const parts = partsOf(source);
    const first = (await parts.next()).value ?? Buffer.alloc(0);
    if (first.length >= PART_BYTES) return void (await uploadParts(this.bucket, key, startingWith(first, parts)));
    const written = await this.bucket.put(key, first, { ifAbsent: true });
    // An object of another length is damaged, and is replaced.
    if (!written && !(await this.isKept(object))) await this.bucket.put(key, first);
  }

  private async isKept(object: StoredObject): Promise<boolean> {
    return (await this.bucket.head(blobKey(this.prefix, object.digest)))?.bytes === object.bytes;
  }
}

async function* piecesOf(content: Buffer): AsyncGenerator<Buffer> {
  yield content;
}

async function* startingWith(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}

async function* tallied(
  source: AsyncIterable<Buffer | string>,
  tally: Tally,
  maxBytes: number,
): AsyncGenerator<Buffer> {
  for await (const piece of source) {
    const chunk = typeof piece === 'string' ? Buffer.from(piece) : piece;
    tally.bytes += chunk.length;
    if (tally.bytes > maxBytes) throw tooLarge(maxBytes);
    tally.hash.update(chunk);
    yield chunk;
  }
}

/** A file has changed between its two readings. */
class FileChanged extends Error {
  override readonly name = 'FileChanged';
}

/** What has changed must not come to the place of what it was. */
async function* checked(source: AsyncIterable<Buffer>, object: StoredObject): AsyncGenerator<Buffer> {
  const tally: Tally = { hash: createHash('sha256'), bytes: 0 };
  yield* tallied(source, tally, Infinity);
  if (tally.bytes !== object.bytes || tally.hash.digest('hex') !== object.digest) {
    throw new FileChanged();
  }
}

async function* chunksOf(file: FileHandle): AsyncGenerator<Buffer> {
  for (let position = 0; ;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}
