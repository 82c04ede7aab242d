import { closeSync, openSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FilePacker, type PackedFile } from './pack-files.ts';
import { HEAD_BYTES } from './image-tables.ts';

/** Files that are packed together, and what of them a thread takes at a time. */
const BATCH = { bytes: 4 * 1024 * 1024, files: 512 };
/** Larger ones are packed when everything else is, by one thread and in pieces. */
const LARGE_BYTES = 64 * 1024 * 1024;
/** More batches than there ever are. */
const ABANDONED = 2 ** 30;

export type FileToPack = { path: string; size: number };
/** Paths of files that one thread packs in one go. */
export type Batch = readonly string[];
/** What several threads do together, and how far they are: which batch is next, and where the image ends so far. */
export type Packing = { image: string; root: string; shared: SharedArrayBuffer };

/** A new image without anything in it. Blocks, as everything here does. */
export const beginPacking = (image: string, root: string): Packing => {
  closeSync(openSync(image, 'wx', 0o600));
  const shared = new SharedArrayBuffer(16);
  new BigInt64Array(shared)[1] = BigInt(HEAD_BYTES);
  return { image, root, shared };
};

/** Puts files together as they are found; large ones are left to `packLarge`. */
export class BatchMaker {
  private batch: string[] = [];
  private bytes = 0;

  constructor(private readonly give: (batch: Batch) => void) {}

  add({ path, size }: FileToPack): void {
    if (size > LARGE_BYTES) return;
    if (this.batch.length === BATCH.files || this.bytes + size > BATCH.bytes) this.end();
    this.batch.push(path);
    this.bytes += size;
  }

  end(): void {
    if (this.batch.length > 0) this.give(this.batch);
    this.batch = [];
    this.bytes = 0;
  }
}

/** Batches in the order in which they were made, which is the same for every thread. */
export class BatchQueue {
  private readonly known: Batch[] = [];
  private isComplete = false;
  private arrived = (): void => undefined;

  add(batch: Batch): void {
    this.known.push(batch);
    this.arrived();
  }

  /** No more will come. */
  end(): void {
    this.isComplete = true;
    this.arrived();
  }

  /** Waits until it has come; `undefined` when there are not so many. */
  async at(index: number): Promise<Batch | undefined> {
    while (index >= this.known.length && !this.isComplete)
      await new Promise<void>((resolve) => (this.arrived = resolve));
    return this.known[index];
  }
}

/** Packs batches until none is left; several threads may do so at once, each of which gets all of them. */
export const packBatches = ({ image, root, shared }: Packing, batches: BatchQueue): Promise<PackedFile[]> => {
  const next = new Int32Array(shared);
  return packing(image, root, shared, false, async (packer) => {
    const packed: PackedFile[] = [];
    for (;;) {
      const batch = await batches.at(Atomics.add(next, 0, 1));
      if (!batch) return packed;
      for (const path of batch) packed.push(await packer.pack(path));
      // What was compressed can be freed only now, and memory that is used again is much faster than memory that is new.
      await nextTurn();
    }
  });
};

/** Nobody begins another batch. */
export const abandonPacking = ({ shared }: Packing): void => {
  Atomics.store(new Int32Array(shared), 0, ABANDONED);
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
