import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { imageTables, SUPERBLOCK_BYTES, type Fragment, type ImageEntry } from './image-tables.ts';
import { packFiles, type PackedFile } from './pack-files.ts';

/** What is packed together and lies in memory meanwhile, unless one file alone is larger. */
const BATCH_BYTES = 4 * 1024 * 1024;

/** What is put into an image: a path below the tree's root, seconds since 1970, permissions. Files are read from there. */
export type TreeEntry =
  { kind: 'file'; path: string; mode: number; mtime: number; size: number } | Exclude<ImageEntry, { kind: 'file' }>;
/** A file as it was read: it may have grown since it was found. */
export type WrittenFile = { path: string; size: number; digest: string };
type FoundFile = Extract<TreeEntry, { kind: 'file' }>;
type ImageFile = Extract<ImageEntry, { kind: 'file' }>;

/**
 * Writes a new file with a tree as a Squashfs 4.0 image, compressed by zlib: Linux mounts it without unpacking anything.
 * `gone` entries say what is not there any more in a layer below. Blocks while it reads and compresses.
 */
export const writeImage = (
  path: string,
  tree: { root: string; entries: readonly TreeEntry[]; madeAt: number },
): WrittenFile[] => {
  const fd = openSync(path, 'wx', 0o600);
  try {
    return new ImageWriter(fd, tree.root).write(tree.entries, tree.madeAt);
  } finally {
    closeSync(fd);
  }
};

class ImageWriter {
  private end = 0;
  private readonly fragments: Fragment[] = [];
  private readonly images: ImageFile[] = [];
  private readonly written: WrittenFile[] = [];

  constructor(
    private readonly fd: number,
    private readonly root: string,
  ) {}

  write(entries: readonly TreeEntry[], madeAt: number): WrittenFile[] {
    this.append(Buffer.alloc(SUPERBLOCK_BYTES));
    const files = entries.filter((entry) => entry.kind === 'file');
    for (const batch of batchesOf(files)) this.pack(batch);
    const rest = entries.filter((entry) => entry.kind !== 'file');
    const { superblock, tables } = imageTables([...rest, ...this.images], {
      fragments: this.fragments,
      dataEnd: this.end,
      madeAt,
    });
    this.append(tables);
    writeAt(this.fd, superblock, 0);
    return this.written;
  }

  private pack(batch: readonly FoundFile[]): void {
    const { data, files, fragments } = packFiles(batch.map(({ path }) => join(this.root, path)));
    for (const [n, file] of files.entries()) this.add(batch[n]!, file);
    for (const { start, size } of fragments) this.fragments.push({ start: start + this.end, size });
    this.append(data);
  }

  private add({ path, mode, mtime }: FoundFile, { digest, size, start, blocks, fragment }: PackedFile): void {
    const place = fragment && { index: fragment.index + this.fragments.length, offset: fragment.offset };
    const body = { size, start: start + this.end, blocks, ...(place && { fragment: place }) };
    this.images.push({ kind: 'file', path, mode, mtime, body });
    this.written.push({ path, size, digest });
  }

  private append(bytes: Buffer): void {
    writeAt(this.fd, bytes, this.end);
    this.end += bytes.length;
  }
}

const writeAt = (fd: number, bytes: Buffer, position: number): void => {
  for (let written = 0; written < bytes.length;)
    written += writeSync(fd, bytes, written, bytes.length - written, position + written);
};

function* batchesOf(files: readonly FoundFile[]): Generator<FoundFile[]> {
  let batch: FoundFile[] = [];
  let bytes = 0;
  for (const file of files) {
    if (batch.length > 0 && bytes + file.size > BATCH_BYTES) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(file);
    bytes += file.size;
  }
  if (batch.length > 0) yield batch;
}
