import { hash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import type { FileBody } from './inodes.ts';
import { BLOCK_BYTES, type Fragment } from './image-tables.ts';

/** Of the size of a stored block: it is stored as it is. */
const PLAIN = 1 << 24;

export type PackedFile = FileBody & { digest: string };
export type Packed = { data: Buffer; files: PackedFile[]; fragments: Fragment[] };

/**
 * Reads files and packs what they hold as the data of an image: whole blocks each by itself, what is left of several files
 * together. Places count from the beginning of this data, and fragments from the first of them.
 */
export const packFiles = (paths: readonly string[]): Packed => {
  const packer = new Packer();
  const files = paths.map((path) => packer.file(readWhole(path)));
  packer.endFragment();
  return { data: Buffer.concat(packer.parts), files, fragments: packer.fragments };
};

class Packer {
  readonly parts: Buffer[] = [];
  readonly fragments: Fragment[] = [];
  private length = 0;
  private ends: Buffer[] = [];
  private endsLength = 0;

  file(bytes: Buffer): PackedFile {
    const start = this.length;
    const whole = bytes.length - (bytes.length % BLOCK_BYTES);
    const blocks: number[] = [];
    for (let at = 0; at < whole; at += BLOCK_BYTES) blocks.push(this.store(bytes.subarray(at, at + BLOCK_BYTES)));
    const rest = bytes.subarray(whole);
    const fragment = rest.length > 0 ? this.end(rest) : undefined;
    return { digest: hash('sha256', bytes), size: bytes.length, start, blocks, ...(fragment && { fragment }) };
  }

  endFragment(): void {
    if (this.endsLength === 0) return;
    const start = this.length;
    const size = this.store(this.ends.length === 1 ? this.ends[0]! : Buffer.concat(this.ends));
    this.fragments.push({ start, size });
    this.ends = [];
    this.endsLength = 0;
  }

  private end(rest: Buffer): NonNullable<FileBody['fragment']> {
    if (this.endsLength + rest.length > BLOCK_BYTES) this.endFragment();
    const offset = this.endsLength;
    this.ends.push(rest);
    this.endsLength += rest.length;
    return { index: this.fragments.length, offset };
  }

  /** The size of the block as it is stored. */
  private store(bytes: Buffer): number {
    const packed = deflateSync(bytes, { level: 1 });
    const isSmaller = packed.length < bytes.length;
    const body = isSmaller ? packed : bytes;
    this.parts.push(body);
    this.length += body.length;
    return isSmaller ? body.length : body.length | PLAIN;
  }
}

const readWhole = (path: string): Buffer => {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const bytes = Buffer.allocUnsafe(fstatSync(fd).size);
    let read = 0;
    while (read < bytes.length) {
      const more = readSync(fd, bytes, read, bytes.length - read, null);
      if (more === 0) break;
      read += more;
    }
    return bytes.subarray(0, read);
  } finally {
    closeSync(fd);
  }
};
