import type { Place } from './metadata-writer.ts';

/** An entry of a directory; `kind` is that of a basic inode. */
export type ListedEntry = { name: Buffer; kind: number; number: number; inode: Place };

/** Entries that one header speaks for at most, and how far their numbers may be from its own. */
const MOST = 256;
const FARTHEST = 0x7fff;
const HEADER_BYTES = 12;
const ENTRY_BYTES = 8;

/**
 * The listing of a directory (Squashfs 4.0): its entries in the order of their names' bytes, in runs whose inodes lie in
 * one block of metadata and have numbers near that of the first.
 */
export const directoryListing = (entries: readonly ListedEntry[]): Buffer => {
  const sorted = entries.toSorted((a, b) => Buffer.compare(a.name, b.name));
  const parts: Buffer[] = [];
  for (let at = 0; at < sorted.length;) {
    const run = runAt(sorted, at);
    at += run.length;
    const [first] = run as [ListedEntry];
    const head = Buffer.alloc(HEADER_BYTES);
    head.writeUInt32LE(run.length - 1, 0);
    head.writeUInt32LE(first.inode.block, 4);
    head.writeUInt32LE(first.number, 8);
    parts.push(head, ...run.map((entry) => entryBytes(entry, first.number)));
  }
  return Buffer.concat(parts);
};

const runAt = (entries: readonly ListedEntry[], from: number): ListedEntry[] => {
  const first = entries[from]!;
  let to = from + 1;
  while (to < entries.length && to - from < MOST) {
    const { inode, number } = entries[to]!;
    if (inode.block !== first.inode.block || Math.abs(number - first.number) > FARTHEST) break;
    to += 1;
  }
  return entries.slice(from, to);
};

const entryBytes = ({ name, kind, number, inode }: ListedEntry, base: number): Buffer => {
  const bytes = Buffer.allocUnsafe(ENTRY_BYTES + name.length);
  bytes.writeUInt16LE(inode.offset, 0);
  bytes.writeInt16LE(number - base, 2);
  bytes.writeUInt16LE(kind, 4);
  bytes.writeUInt16LE(name.length - 1, 6);
  name.copy(bytes, ENTRY_BYTES);
  return bytes;
};
