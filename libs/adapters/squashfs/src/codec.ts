import lz4 from 'lz4-napi';

/** The library puts the length in front; the format keeps it elsewhere. */
const LENGTH_BYTES = 4;

/** A block of LZ4, the fastest of what the kernel reads. */
export const compress = (bytes: Buffer): Buffer => lz4.compressSync(bytes).subarray(LENGTH_BYTES);

/** What a block holds, which is at most `bytes` long. Throws for bytes that are no such block. */
export const decompress = (block: Buffer, bytes: number): Buffer => {
  const prefixed = Buffer.allocUnsafe(LENGTH_BYTES + block.length);
  prefixed.writeUInt32LE(bytes, 0);
  block.copy(prefixed, LENGTH_BYTES);
  return lz4.uncompressSync(prefixed);
};
