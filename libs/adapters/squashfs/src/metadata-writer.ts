import { compress } from './codec.ts';

/** Bytes of one block of metadata before it is compressed. */
export const METADATA_BYTES = 8192;
/** Of a block's header: it is stored as it is. */
const STORED = 0x8000;
const HEADER_BYTES = 2;

/** Where something is: the start of its block in the stored table, and its place in the block once that is unpacked. */
export type Place = { block: number; offset: number };

/**
 * A table of metadata: blocks of 8 KiB, each compressed by itself with its length in front (Squashfs 4.0). Places are
 * known as soon as something is added, since only finished blocks lie before it.
 */
export class MetadataWriter {
  private readonly finished: Buffer[] = [];
  private finishedBytes = 0;
  private readonly pending = Buffer.allocUnsafe(METADATA_BYTES);
  private length = 0;

  get place(): Place {
    return { block: this.finishedBytes, offset: this.length };
  }

  add(bytes: Buffer): Place {
    const { place } = this;
    for (let at = 0; at < bytes.length;) {
      const copied = bytes.copy(this.pending, this.length, at);
      at += copied;
      this.length += copied;
      if (this.length === METADATA_BYTES) this.finish();
    }
    return place;
  }

  /** Everything that was added, and where each block of it starts. */
  end(): { bytes: Buffer; blocks: number[] } {
    if (this.length > 0) this.finish();
    const blocks: number[] = [];
    let start = 0;
    for (const block of this.finished) {
      blocks.push(start);
      start += block.length;
    }
    return { bytes: Buffer.concat(this.finished), blocks };
  }

  private finish(): void {
    const plain = Buffer.from(this.pending.subarray(0, this.length));
    this.length = 0;
    const packed = compress(plain);
    const isSmaller = packed.length < plain.length;
    const body = isSmaller ? packed : plain;
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt16LE(isSmaller ? body.length : body.length | STORED);
    this.finished.push(Buffer.concat([header, body]));
    this.finishedBytes += HEADER_BYTES + body.length;
  }
}
