import { createHash, hash } from 'node:crypto';
import { closeSync, constants, openSync, readSync, writevSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { compress } from './codec.ts';
import { BLOCK_BYTES } from './image-tables.ts';

/** Of the size of a stored block: it is stored as it is. */
export const PLAIN = 1 << 24;
const READ_BYTES = 32 * BLOCK_BYTES;
/** As much of a file as lies in memory compressed, where nobody else writes the image. */
const HELD_BYTES = 8 * READ_BYTES;

/** Where an image has what a file holds: whole blocks, and its end among the ends of others. Sizes are the stored ones. */
export type StoredContent = {
  size: number;
  start: number;
  blocks: readonly number[];
  end?: { start: number; size: number; offset: number };
};
export type PackedFile = StoredContent & { path: string; digest: string };

/** Asks for room in the image; answers where it begins. */
export type Room = (bytes: number) => number;

/** Reads files and writes what they hold into an image, whole blocks each by itself, what is left of several files together. */
export class FilePacker {
  private readonly read = Buffer.allocUnsafe(READ_BYTES);
  private readonly ends = Buffer.allocUnsafe(BLOCK_BYTES);
  private endsLength = 0;
  /** Files whose end is not stored yet. */
  private waiting: { file: PackedFile; offset: number }[] = [];
  private parts: Buffer[] = [];
  private partsLength = 0;

  constructor(
    private readonly image: number,
    private readonly root: string,
    private readonly room: Room,
    /** Nobody else asks for room: of a large file it need not be known how much it takes before it is written. */
    private readonly isAlone: boolean,
  ) {}

  /** `digest` is the SHA-256 of what was read, which may be more or less than was there when the file was found. */
  async pack(path: string): Promise<PackedFile> {
    const fd = openSync(`${this.root}/${path}`, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      return await this.packOpen(path, fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Everything that was packed is in the image. */
  end(): void {
    this.endTogether();
  }

  private async packOpen(path: string, fd: number): Promise<PackedFile> {
    let length = fill(fd, this.read);
    if (length < BLOCK_BYTES) return this.small(path, this.read.subarray(0, length));
    const digest = createHash('sha256');
    const file = { path, size: 0, start: 0, blocks: [] as number[], digest: '' } satisfies PackedFile;
    let rest = this.read.subarray(0, 0);
    let start: number | undefined;
    for (; length > 0; length = length === READ_BYTES ? fill(fd, this.read) : 0) {
      const bytes = this.read.subarray(0, length);
      digest.update(bytes);
      file.size += length;
      const whole = length - (length % BLOCK_BYTES);
      for (let at = 0; at < whole; at += BLOCK_BYTES) file.blocks.push(this.hold(bytes.subarray(at, at + BLOCK_BYTES)));
      rest = Buffer.from(bytes.subarray(whole));
      await nextTurn();
      if (this.isAlone && this.partsLength >= HELD_BYTES) {
        const flushed = this.flush();
        start ??= flushed;
      }
    }
    file.digest = digest.digest('hex');
    const last = this.flush();
    file.start = start ?? last;
    if (rest.length > 0) this.endOf(file, rest);
    return file;
  }

  private small(path: string, bytes: Buffer): PackedFile {
    const file: PackedFile = { path, size: bytes.length, start: 0, blocks: [], digest: hash('sha256', bytes) };
    if (bytes.length > 0) this.endOf(file, bytes);
    return file;
  }

  private endOf(file: PackedFile, bytes: Buffer): void {
    if (this.endsLength + bytes.length > BLOCK_BYTES) this.endTogether();
    this.waiting.push({ file, offset: this.endsLength });
    this.endsLength += bytes.copy(this.ends, this.endsLength);
  }

  private endTogether(): void {
    if (this.endsLength === 0) return;
    const size = this.hold(this.ends.subarray(0, this.endsLength));
    const start = this.flush();
    for (const { file, offset } of this.waiting) file.end = { start, size, offset };
    this.waiting = [];
    this.endsLength = 0;
  }

  /** The size of the block as it is stored. */
  private hold(bytes: Buffer): number {
    const packed = compress(bytes);
    const isSmaller = packed.length < bytes.length;
    const block = isSmaller ? packed : Buffer.from(bytes);
    this.parts.push(block);
    this.partsLength += block.length;
    return isSmaller ? block.length : block.length | PLAIN;
  }

  private flush(): number {
    const start = this.room(this.partsLength);
    writeAll(this.image, this.parts, start);
    this.parts = [];
    this.partsLength = 0;
    return start;
  }
}

/** Until the buffer is full or the file ends, which is where less is read than was asked for. */
const fill = (fd: number, buffer: Buffer): number => {
  let length = 0;
  while (length < buffer.length) {
    const asked = buffer.length - length;
    const more = readSync(fd, buffer, length, asked, null);
    length += more;
    if (more < asked) break;
  }
  return length;
};

const MOST_PARTS = 1000;

export const writeAll = (fd: number, parts: readonly Buffer[], position: number): void => {
  let at = position;
  for (let from = 0; from < parts.length; from += MOST_PARTS) {
    let some = parts.slice(from, from + MOST_PARTS);
    while (some.length > 0) {
      let written = writevSync(fd, some, at);
      at += written;
      while (some.length > 0 && written >= some[0]!.length) written -= some.shift()!.length;
      if (some.length > 0) some = [some[0]!.subarray(written), ...some.slice(1)];
    }
  }
};
