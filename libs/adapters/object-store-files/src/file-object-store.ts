import { constants, type BigIntStats } from 'node:fs';
import { chmod, copyFile, open, rm, unlink, type FileHandle } from 'node:fs/promises';
import { closeSync, fchmodSync, lstatSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { Readable } from 'node:stream';
import { PermanentError, fromSystemError, systemCode, type ObjectStore, type StoredObject } from '@foldline/kernel';
import { isDigest, pathOf, prepareLayout, type Layout } from './layout.ts';
import { linkIfPossible } from './link-if-possible.ts';
import { ObjectWriter } from './object-writer.ts';
import { damaged, digestOf, rangeChunks, readSmall, verifiedChunks, verifyFile } from './verified-read.ts';

const MAX_REMEMBERED = 4_096;

/**
 * Objects as files: `sha256/<first two digits>/<digest>`, read-only, below a directory that only this user enters.
 * The range of `get` counts bytes from `start` up to, not including, `end`.
 */
export const openFileObjectStore = async (options: { directory: string }): Promise<ObjectStore> => {
  try {
    return new FileObjectStore(await prepareLayout(options.directory));
  } catch (error) {
    throw fromSystemError(error, 'open the object store');
  }
};

const absentIs = <T>(error: unknown, doing: string, absent: T): T => {
  if (systemCode(error) === 'ENOENT') return absent;
  throw fromSystemError(error, doing);
};

class FileObjectStore implements ObjectStore {
  private readonly writer: ObjectWriter;
  /** Objects whose whole content was checked here, by digest, with the file's identity at that time. */
  private readonly verified = new Map<string, string>();

  constructor(private readonly layout: Layout) {
    this.writer = new ObjectWriter(layout);
  }

  async put(content: Readable | Buffer, options: { maxBytes?: number } = {}): Promise<StoredObject> {
    try {
      return Buffer.isBuffer(content)
        ? await this.writer.writeBuffer(content, options.maxBytes)
        : await this.writer.writeStream(content, options.maxBytes);
    } catch (error) {
      throw fromSystemError(error, 'store an object');
    }
  }

  async putFile(path: string, { shared = false }: { shared?: boolean } = {}): Promise<StoredObject> {
    try {
      if (!lstatSync(path).isFile()) throw new PermanentError('only a regular file can be stored');
      const linked = shared ? await this.writer.linkFile(path) : undefined;
      if (linked) return linked;
      const small = readSmall(path);
      if (small) return await this.writer.writeBuffer(small);
      const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
      return await this.writer.writeStream(rangeChunks(file, 0, Number.MAX_SAFE_INTEGER));
    } catch (error) {
      throw fromSystemError(error, 'store a file');
    }
  }

  async get(digest: string, range?: { start: number; end: number }): Promise<Readable | undefined> {
    const file = await this.openObject(digest);
    if (!file) return undefined;
    if (!range) return Readable.from(verifiedChunks(file, digest), { objectMode: false });
    try {
      await this.verifyOnce(digest, file);
    } catch (error) {
      await file.close();
      throw fromSystemError(error, 'check an object');
    }
    return Readable.from(rangeChunks(file, range.start, range.end), { objectMode: false });
  }

  async read(digest: string): Promise<Buffer | undefined> {
    if (!isDigest(digest)) return undefined;
    try {
      const bytes = readSmall(pathOf(this.layout, digest)) ?? (await this.readLarge(digest));
      if (digestOf(bytes) !== digest) throw damaged(digest);
      return bytes;
    } catch (error) {
      return absentIs(error, 'read an object', undefined);
    }
  }

  async copyToFile(
    digest: string,
    path: string,
    mode: number,
    { shared = false }: { shared?: boolean } = {},
  ): Promise<void> {
    try {
      if (!isDigest(digest)) throw new PermanentError('not the digest of an object');
      if (shared && linkIfPossible(pathOf(this.layout, digest), path)) return await this.checkLinked(digest, path);
      const small = readSmall(pathOf(this.layout, digest));
      if (!small) await this.copyLarge(digest, path, mode);
      else if (digestOf(small) === digest) writeNew(path, small, mode);
      else throw damaged(digest);
    } catch (error) {
      throw fromSystemError(error, `write the object ${isDigest(digest) ? digest : ''} to a file`);
    }
  }

  async stat(digest: string): Promise<StoredObject | undefined> {
    if (!isDigest(digest)) return undefined;
    try {
      const found = statSync(pathOf(this.layout, digest), { throwIfNoEntry: false });
      return found && { digest, bytes: found.size };
    } catch (error) {
      throw fromSystemError(error, 'look at an object');
    }
  }

  async delete(digest: string): Promise<void> {
    if (!isDigest(digest)) return;
    this.verified.delete(digest);
    try {
      await unlink(pathOf(this.layout, digest));
    } catch (error) {
      absentIs(error, 'delete an object', undefined);
    }
  }

  private async openObject(digest: string): Promise<FileHandle | undefined> {
    if (!isDigest(digest)) return undefined;
    try {
      return await open(pathOf(this.layout, digest), constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (error) {
      return absentIs(error, 'open an object', undefined);
    }
  }

  private async readLarge(digest: string): Promise<Buffer> {
    const file = await open(pathOf(this.layout, digest), 'r');
    try {
      return await file.readFile();
    } finally {
      await file.close();
    }
  }

  /** A part has no digest of its own, so the whole is checked the first time, and again when the file has changed. */
  private async verifyOnce(digest: string, file: FileHandle): Promise<void> {
    const identity = identityOf(await file.stat({ bigint: true }));
    if (this.verified.get(digest) === identity) return;
    await verifyFile(pathOf(this.layout, digest), digest);
    this.verified.set(digest, identity);
    if (this.verified.size > MAX_REMEMBERED) this.verified.delete(this.verified.keys().next().value ?? '');
  }

  private async checkLinked(digest: string, path: string): Promise<void> {
    try {
      await verifyFile(path, digest);
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }

  /** Shares the blocks where the file system can; the copy is what is checked, since it is what will be used. */
  private async copyLarge(digest: string, path: string, mode: number): Promise<void> {
    await copyFile(pathOf(this.layout, digest), path, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    try {
      await verifyFile(path, digest);
      await chmod(path, mode);
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }
}

const identityOf = (stats: BigIntStats): string => `${stats.ino}:${stats.size}:${stats.mtimeNs}`;

const writeNew = (path: string, bytes: Buffer, mode: number): void => {
  const fd = openSync(path, 'wx', 0o600);
  try {
    for (let written = 0; written < bytes.length;) written += writeSync(fd, bytes, written);
    fchmodSync(fd, mode);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
};
