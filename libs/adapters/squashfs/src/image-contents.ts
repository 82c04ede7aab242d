import { BLOCK_BYTES } from './image-tables.ts';
import type { StoredContent } from './pack-files.ts';
import { decodeBlock, storedBytes } from './read-image.ts';

/** The bytes of an image from `start` up to, not including, `end`: all of them, or it throws. */
export type BytesOf = (start: number, end: number) => Promise<Buffer>;

/** As many blocks of a large file as are asked for at once. */
const BLOCKS_AT_ONCE = 32;

/**
 * The same as `ImageReader` for an image that is elsewhere: what lies together is asked for together. What one file after
 * the other ends in is asked for once when they come in the order in which they are stored.
 */
export class ImageContents {
  private ends: { start: number; bytes: Buffer } | undefined;

  constructor(private readonly bytesOf: BytesOf) {}

  /** What a file holds, piece by piece. Throws where there is no such content. */
  async *pieces({ size, start, blocks, end }: StoredContent): AsyncGenerator<Buffer> {
    let at = start;
    for (let first = 0; first < blocks.length; first += BLOCKS_AT_ONCE) {
      const some = blocks.slice(first, first + BLOCKS_AT_ONCE);
      const stored = await this.bytesOf(at, at + some.reduce((sum, block) => sum + storedBytes(block), 0));
      let from = 0;
      for (const block of some) {
        yield decodeBlock(block, stored.subarray(from, from + storedBytes(block)));
        from += storedBytes(block);
      }
      at += stored.length;
    }
    if (!end) return;
    const bytes = await this.endsAt(end.start, end.size);
    yield bytes.subarray(end.offset, end.offset + (size % BLOCK_BYTES));
  }

  private async endsAt(start: number, block: number): Promise<Buffer> {
    if (this.ends?.start !== start)
      this.ends = { start, bytes: decodeBlock(block, await this.bytesOf(start, start + storedBytes(block))) };
    return this.ends.bytes;
  }
}
