import { closeSync, fchmodSync, fstatSync, futimesSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { LayeredEntry } from '@foldline/contracts';
import { openFresh } from '@foldline/kernel';
import { ImageReader } from '@foldline/squashfs';
import type { Identity } from './compare-entries.ts';

type FileEntry = Extract<LayeredEntry, { kind: 'file' }>;
/** Files of a tree, the images that have them, and where they are written. Directories are there already. */
export type FilesToWrite = {
  into: string;
  images: readonly string[];
  files: readonly FileEntry[];
  /** How far the threads that write them have come. */
  shared: SharedArrayBuffer;
};

/** A file that was written, and how it is known until somebody changes it. */
export type Written = [path: string, identity: Identity];

const AT_A_TIME = 256;

/** In an order in which what is compressed together is read together. */
export const filesToWrite = (
  into: string,
  images: readonly string[],
  entries: readonly LayeredEntry[],
): FilesToWrite => {
  const place = ({ end, start }: FileEntry): number => end?.start ?? start;
  const files = entries
    .filter((entry) => entry.kind === 'file')
    .toSorted((a, b) => a.layer - b.layer || place(a) - place(b));
  return { into, images, files, shared: new SharedArrayBuffer(4) };
};

/** Writes files until none is left; several threads may do so at once. What is there in their place is replaced. */
export const writeFiles = ({ into, images, files, shared }: FilesToWrite): Written[] => {
  const written: Written[] = [];
  const next = new Int32Array(shared);
  const readers = new Map<number, ImageReader>();
  const masked = process.umask();
  const readerOf = (layer: number): ImageReader => {
    const reader = readers.get(layer) ?? new ImageReader(images[layer]!);
    readers.set(layer, reader);
    return reader;
  };
  try {
    for (let at = Atomics.add(next, 0, AT_A_TIME); at < files.length; at = Atomics.add(next, 0, AT_A_TIME))
      for (const file of files.slice(at, at + AT_A_TIME))
        written.push([file.path, writeFile(join(into, file.path), file, readerOf(file.layer), masked)]);
    return written;
  } finally {
    for (const reader of readers.values()) reader.close();
  }
};

const writeFile = (path: string, file: FileEntry, reader: ImageReader, masked: number): Identity => {
  const fd = openFresh(path, file.mode);
  try {
    let size = 0;
    for (const piece of reader.pieces(file)) {
      for (let written = 0; written < piece.length;) written += writeSync(fd, piece, written);
      size += piece.length;
    }
    if (size !== file.size) throw new Error(`the image has ${size} bytes of a file of ${file.size}`);
    if ((file.mode & masked) !== 0) fchmodSync(fd, file.mode);
    futimesSync(fd, file.mtime, file.mtime);
    const { ino, ctimeMs } = fstatSync(fd);
    return { ino, ctimeMs };
  } finally {
    closeSync(fd);
  }
};
