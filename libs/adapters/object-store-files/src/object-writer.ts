import { createHash } from 'node:crypto';
import { closeSync, constants, fsync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { Refusal, type StoredObject } from '@foldline/kernel';
import { linkIfPossible } from './link-if-possible.ts';
import { pathOf, shardOf, syncDirectory, temporaryPath, type Layout } from './layout.ts';
import { SMALL_BYTES, digestOf } from './verified-read.ts';

const READ_BYTES = 1024 * 1024;
const fsyncFile = promisify(fsync);

const tooLarge = (maxBytes: number): Refusal =>
  new Refusal('object_too_large', `the object is larger than the ${maxBytes} bytes allowed`, { maxBytes });

/** Writes objects: temporary file, sync, rename, sync of the folder. */
export class ObjectWriter {
  /** Objects being brought into place; a second writer of the same bytes waits for the first one's sync. */
  private readonly arriving = new Map<string, Promise<void>>();
  /** Folders synced since this process started: what was found in them is there after a loss of power too. */
  private readonly syncedShards = new Set<string>();

  constructor(private readonly layout: Layout) {}

  async writeBuffer(bytes: Buffer, maxBytes = Infinity): Promise<StoredObject> {
    if (bytes.length > maxBytes) throw tooLarge(maxBytes);
    const stored = { digest: digestOf(bytes), bytes: bytes.length };
    if (await this.isKept(stored)) return stored;
    if (bytes.length <= SMALL_BYTES) await this.arrive(stored, () => this.writeSmall(bytes));
    else await this.writeStream(Promise.resolve([bytes]));
    return stored;
  }

  async writeStream(
    source: AsyncIterable<Buffer | string> | Promise<Iterable<Buffer>>,
    maxBytes = Infinity,
  ): Promise<StoredObject> {
    const path = temporaryPath(this.layout);
    try {
      const stored = await this.writeTemporary(path, source instanceof Promise ? await source : source, maxBytes);
      if (!(await this.isKept(stored))) await this.arrive(stored, () => Promise.resolve(path));
      return stored;
    } finally {
      rmSync(path, { force: true });
    }
  }

  /** The same file under the name of an object; `undefined` where that is not possible. */
  async linkFile(path: string): Promise<StoredObject | undefined> {
    const temporary = temporaryPath(this.layout);
    if (!linkIfPossible(path, temporary)) return undefined;
    try {
      const file = await open(temporary, constants.O_RDONLY | constants.O_NOFOLLOW);
      const stored = await this.tally(file).finally(() => file.close());
      if (!(await this.isKept(stored))) await this.arrive(stored, () => Promise.resolve(temporary));
      return stored;
    } finally {
      rmSync(temporary, { force: true });
    }
  }

  private async tally(file: FileHandle): Promise<StoredObject> {
    await file.chmod(0o400);
    // It is complete, so it can go to the disk while it is read.
    const synced = file.sync();
    synced.catch(() => undefined);
    const hash = createHash('sha256');
    let bytes = 0;
    // One piece is read while the other is hashed.
    let [piece, other] = [Buffer.allocUnsafe(READ_BYTES), Buffer.allocUnsafe(READ_BYTES)] as const;
    let reading = file.read(piece, 0, READ_BYTES, 0);
    for (let { bytesRead } = await reading; bytesRead > 0; { bytesRead } = await reading) {
      bytes += bytesRead;
      reading = file.read(other, 0, READ_BYTES, bytes);
      hash.update(piece.subarray(0, bytesRead));
      [piece, other] = [other, piece];
    }
    await synced;
    return { digest: hash.digest('hex'), bytes };
  }

  private async writeTemporary(
    path: string,
    source: AsyncIterable<Buffer | string> | Iterable<Buffer>,
    maxBytes: number,
  ): Promise<StoredObject> {
    const file = await open(path, 'wx', 0o400);
    try {
      const hash = createHash('sha256');
      let bytes = 0;
      for await (const piece of source) {
        const chunk = typeof piece === 'string' ? Buffer.from(piece) : piece;
        bytes += chunk.length;
        if (bytes > maxBytes) throw tooLarge(maxBytes);
        hash.update(chunk);
        await file.writeFile(chunk);
      }
      await file.sync();
      return { digest: hash.digest('hex'), bytes };
    } finally {
      await file.close();
    }
  }

  private async writeSmall(bytes: Buffer): Promise<string> {
    const path = temporaryPath(this.layout);
    const fd = openSync(path, 'wx', 0o400);
    try {
      for (let written = 0; written < bytes.length;) written += writeSync(fd, bytes, written);
      await fsyncFile(fd);
      return path;
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    } finally {
      closeSync(fd);
    }
  }

  /** Whether the object is already there for good. One of another length is damaged and is written again. */
  private async isKept(object: StoredObject): Promise<boolean> {
    await this.arriving.get(object.digest);
    const found = statSync(pathOf(this.layout, object.digest), { throwIfNoEntry: false });
    if (found?.size !== object.bytes) return false;
    const shard = shardOf(this.layout, object.digest);
    if (!this.syncedShards.has(shard)) {
      await syncDirectory(shard);
      this.syncedShards.add(shard);
    }
    return true;
  }

  /** Every one of several writers of the same object returns only after a sync that made it durable. */
  private async arrive(object: StoredObject, write: () => Promise<string>): Promise<void> {
    const arrival = this.bringIntoPlace(object.digest, write);
    this.arriving.set(object.digest, arrival);
    try {
      await arrival;
    } finally {
      if (this.arriving.get(object.digest) === arrival) this.arriving.delete(object.digest);
    }
  }

  private async bringIntoPlace(digest: string, write: () => Promise<string>): Promise<void> {
    const temporary = await write();
    const shard = shardOf(this.layout, digest);
    await this.layout.shards.ready(shard);
    renameSync(temporary, pathOf(this.layout, digest));
    await syncDirectory(shard);
  }
}
