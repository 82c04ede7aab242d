import { closeSync, openSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FilePacker, type PackedFile } from './pack-files.ts';
import { HEAD_BYTES } from './image-tables.ts';

/** Files that are packed together, and what of them a thread takes at a time. */
const BATCH = { bytes: 4 * 1024 * 1024, files: 512 };
/** Larger ones are packed when everything else is, by one thread and in pieces. */
const LARGE_BYTES = 64 * 1024 * 1024;

export type FileToPack = { path: string; size: number };
/** What several threads do together: which files are next, and where the image ends so far. */
export type Packing = {
  image: string;
  root: string;
  batches: readonly (readonly FileToPack[])[];
  shared: SharedArrayBuffer;
};

/** A new image without anything in it. Blocks, as everything here does. */
export const beginPacking = (image: string, root: string, files: readonly FileToPack[]): Packing => {
  closeSync(openSync(image, 'wx', 0o600));
  const shared = new SharedArrayBuffer(16);
  new BigInt64Array(shared)[1] = BigInt(HEAD_BYTES);
  const batches = [...batchesOf(files.filter(({ size }) => size <= LARGE_BYTES))];
  return { image, root, batches, shared };
};

/** Packs batches until none is left; several threads may do so at once. */
export const packBatches = ({ image, root, batches, shared }: Packing): Promise<PackedFile[]> => {
  const next = new Int32Array(shared);
  return packing(image, root, shared, false, async (packer) => {
    const packed: PackedFile[] = [];
    for (let at = Atomics.add(next, 0, 1); at < batches.length; at = Atomics.add(next, 0, 1)) {
      for (const { path } of batches[at]!) packed.push(await packer.pack(path));
      // What was compressed can be freed only now, and memory that is used again is much faster than memory that is new.
      await nextTurn();
    }
    return packed;
  });
};

/** Packs what is too large for a batch, when nobody else packs any more. */
export const packLarge = ({ image, root, shared }: Packing, files: readonly FileToPack[]): Promise<PackedFile[]> =>
  packing(image, root, shared, true, async (packer) => {
    const packed: PackedFile[] = [];
    for (const { path, size } of files) if (size > LARGE_BYTES) packed.push(await packer.pack(path));
    return packed;
  });

export const endOfData = ({ shared }: Packing): number => Number(new BigInt64Array(shared)[1]);

const packing = async (
  image: string,
  root: string,
  shared: SharedArrayBuffer,
  isAlone: boolean,
  work: (packer: FilePacker) => Promise<PackedFile[]>,
): Promise<PackedFile[]> => {
  const end = new BigInt64Array(shared);
  const room = (bytes: number): number => Number(Atomics.add(end, 1, BigInt(bytes)));
  const fd = openSync(image, 'r+');
  try {
    const packer = new FilePacker(fd, root, room, isAlone);
    const packed = await work(packer);
    packer.end();
    return packed;
  } finally {
    closeSync(fd);
  }
};

function* batchesOf(files: readonly FileToPack[]): Generator<FileToPack[]> {
  let batch: FileToPack[] = [];
  let bytes = 0;
  for (const file of files) {
    if (batch.length === BATCH.files || (batch.length > 0 && bytes + file.size > BATCH.bytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(file);
    bytes += file.size;
  }
  if (batch.length > 0) yield batch;
}
