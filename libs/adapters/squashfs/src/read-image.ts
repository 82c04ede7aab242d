import { closeSync, openSync, readSync } from 'node:fs';
import { decompress } from './codec.ts';
import { BLOCK_BYTES } from './image-tables.ts';
import { PLAIN, type StoredContent } from './pack-files.ts';

/** Reads files out of an image by the places that its writer has told: nothing of its tables is needed. */
export class ImageReader {
  private readonly fd: number;
  private readonly raw = Buffer.allocUnsafe(BLOCK_BYTES);
  private ends: { start: number; bytes: Buffer } | undefined;

  constructor(path: string) {
    this.fd = openSync(path, 'r');
  }

  /** What a file holds, piece by piece; each is good until the next is asked for. Throws where there is no such content. */
  *pieces({ size, start, blocks, end }: StoredContent): Generator<Buffer> {
    let at = start;
    for (const block of blocks) {
      yield this.block(at, block);
      at += storedBytes(block);
    }
    if (end) yield this.endsAt(end.start, end.size).subarray(end.offset, end.offset + (size % BLOCK_BYTES));
  }

  close(): void {
    closeSync(this.fd);
  }

  private endsAt(start: number, size: number): Buffer {
    if (this.ends?.start !== start) this.ends = { start, bytes: Buffer.from(this.block(start, size)) };
    return this.ends.bytes;
  }

  private block(position: number, stored: number): Buffer {
    const bytes = storedBytes(stored);
    const raw = this.raw.subarray(0, bytes);
    if (readSync(this.fd, raw, 0, bytes, position) < bytes) throw new Error('the image ends too early');
    return decodeBlock(stored, raw);
  }
}

/** How many bytes a block has in the image. Throws for what no block can be. */
export const storedBytes = (block: number): number => {
  const bytes = block & (PLAIN - 1);
  if (bytes > BLOCK_BYTES) throw new Error('a block of the image is too large');
  return bytes;
};

/** What a block holds. Throws for bytes that are no such block. */
export const decodeBlock = (block: number, raw: Buffer): Buffer =>
  (block & PLAIN) === 0 ? decompress(raw, BLOCK_BYTES) : raw;
