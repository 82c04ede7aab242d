import { closeSync, openSync } from 'node:fs';
import { folderOf, imageTables, type Folder, type Fragment, type ImageEntry } from './image-tables.ts';
import type { FileBody } from './inodes.ts';
import {
  BatchMaker,
  BatchQueue,
  beginPacking,
  endOfData,
  packBatches,
  packLarge,
  type Packing,
} from './pack-batches.ts';
import { writeAll, type PackedFile } from './pack-files.ts';

/** What is put into an image: a path below the tree's root, seconds since 1970, permissions. Files are read from there. */
export type TreeEntry =
  { kind: 'file'; path: string; mode: number; mtime: number; size: number } | Exclude<ImageEntry, { kind: 'file' }>;

export type ImageTree = { root: Folder; madeAt: number };
type Tree = { root: string; entries: readonly TreeEntry[]; madeAt: number };

/** The files of a tree, as they are packed. */
export const filesOf = (entries: readonly TreeEntry[]): Extract<TreeEntry, { kind: 'file' }>[] =>
  entries.filter((entry) => entry.kind === 'file');

/**
 * Writes a new file with a tree as a Squashfs 4.0 image, compressed by LZ4: Linux mounts it without unpacking anything.
 * `gone` entries say what is not there any more in a layer below. Blocks while it reads and compresses what is compressed together.
 */
export const writeImage = async (path: string, { root, entries, madeAt }: Tree): Promise<PackedFile[]> => {
  const files = filesOf(entries);
  const packing = beginPacking(path, root);
  const batches = new BatchQueue();
  const maker = new BatchMaker((batch) => batches.add(batch));
  for (const file of files) maker.add(file);
  maker.end();
  batches.end();
  const packed = [...(await packBatches(packing, batches)), ...(await packLarge(packing, files))];
  finishImage(packing, imageTree(entries, madeAt), packed);
  return packed;
};

/** What an image holds besides what is in its files; can be made out while they are packed. */
export const imageTree = (entries: readonly TreeEntry[], madeAt: number): ImageTree => ({
  root: folderOf(entries, madeAt),
  madeAt,
});

/** Writes what tells where everything lies, when all files are packed. */
export const finishImage = (packing: Packing, { root, madeAt }: ImageTree, packed: readonly PackedFile[]): void => {
  const dataEnd = endOfData(packing);
  const fragments = fragmentsOf(packed);
  const numbers = new Map(fragments.map(({ start }, index) => [start, index]));
  const contents = new Map(packed.map((file) => [file.path, file]));
  const bodyOf = (path: string): FileBody => {
    const { size, start, blocks, end } = contents.get(path)!;
    return { size, start, blocks, ...(end && { fragment: { index: numbers.get(end.start)!, offset: end.offset } }) };
  };
  const { head, tables } = imageTables(root, { fragments, dataEnd, madeAt, bodyOf });
  const fd = openSync(packing.image, 'r+');
  try {
    writeAll(fd, [tables], dataEnd);
    writeAll(fd, [head], 0);
  } finally {
    closeSync(fd);
  }
};

const fragmentsOf = (packed: readonly PackedFile[]): Fragment[] => {
  const sizes = new Map<number, number>();
  for (const { end } of packed) if (end) sizes.set(end.start, end.size);
  return [...sizes].map(([start, size]) => ({ start, size })).toSorted((a, b) => a.start - b.start);
};
