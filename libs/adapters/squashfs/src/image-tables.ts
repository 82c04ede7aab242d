import { directoryListing, type ListedEntry } from './directory-listing.ts';
import { directoryInode, fileInode, KIND, linkInode, whiteoutInode, type Common, type FileBody } from './inodes.ts';
import { MetadataWriter, type Place } from './metadata-writer.ts';

const SUPERBLOCK_BYTES = 96;
/** A block of metadata that is not compressed: the only version of LZ4 there is, and nothing particular. */
const OPTIONS = Buffer.from([0x08, 0x80, 1, 0, 0, 0, 0, 0, 0, 0]);
/** Where the data of an image begins. */
export const HEAD_BYTES = SUPERBLOCK_BYTES + OPTIONS.length;
/** Bytes of a file that are compressed together. */
export const BLOCK_BYTES = 128 * 1024;
const BLOCK_LOG = 17;
const MAGIC = 0x7371_7368;
const LZ4 = 5;
const NO_XATTRS = 0x0200;
const HAS_OPTIONS = 0x0400;
const ABSENT = 0xffff_ffff_ffff_ffffn;
/** A device of whole blocks is made of the file, whatever its length is. */
const PADDED_TO = 4096;
const FRAGMENT_BYTES = 16;
const FRAGMENTS_IN_BLOCK = 512;

/** `gone`: what lies below this layer under the path is not there any more. Times are seconds since 1970. */
export type ImageEntry =
  | { kind: 'file'; path: string; mode: number; mtime: number }
  | { kind: 'dir'; path: string; mode: number; mtime: number }
  | { kind: 'link'; path: string; target: string; mtime: number }
  | { kind: 'gone'; path: string };

/** A stored block that holds the ends of several files; `size` as the format has it, with a bit for "not compressed". */
export type Fragment = { start: number; size: number };

/** The directories of an image, and what lies in them. */
export type Folder = { mode: number; mtime: number; children: Map<string, Node> };
type Node = { entry: Exclude<ImageEntry, { kind: 'dir' }> } | { folder: Folder };

/** `dataEnd`: where the data ends. `bodyOf`: where the data of a file lies. */
type ImageData = {
  fragments: readonly Fragment[];
  dataEnd: number;
  madeAt: number;
  bodyOf: (path: string) => FileBody;
};

/** What stands behind the data of an image, and in front of it. */
export const imageTables = (
  root: Folder,
  { fragments, dataEnd, madeAt, bodyOf }: ImageData,
): { head: Buffer; tables: Buffer } => {
  const tree = new TreeTables(root, bodyOf);
  const inodes = tree.inodes.end().bytes;
  const listings = tree.listings.end().bytes;
  const directoriesAt = dataEnd + inodes.length;
  const fragmentsAt = directoriesAt + listings.length;
  const fragmentTable = lookupTable(fragments.map(fragmentBytes), fragmentsAt);
  const idsAt = fragmentsAt + fragmentTable.bytes.length;
  const idTable = lookupTable([Buffer.alloc(4)], idsAt);
  const end = idsAt + idTable.bytes.length;
  const superblock = Buffer.alloc(SUPERBLOCK_BYTES);
  superblock.writeUInt32LE(MAGIC, 0);
  superblock.writeUInt32LE(tree.count, 4);
  superblock.writeUInt32LE(madeAt, 8);
  superblock.writeUInt32LE(BLOCK_BYTES, 12);
  superblock.writeUInt32LE(fragments.length, 16);
  superblock.writeUInt16LE(LZ4, 20);
  superblock.writeUInt16LE(BLOCK_LOG, 22);
  superblock.writeUInt16LE(NO_XATTRS | HAS_OPTIONS, 24);
  superblock.writeUInt16LE(1, 26);
  superblock.writeUInt16LE(4, 28);
  superblock.writeUInt16LE(0, 30);
  superblock.writeBigUInt64LE(reference(tree.root), 32);
  superblock.writeBigUInt64LE(BigInt(end), 40);
  superblock.writeBigUInt64LE(BigInt(idTable.index), 48);
  superblock.writeBigUInt64LE(ABSENT, 56);
  superblock.writeBigUInt64LE(BigInt(dataEnd), 64);
  superblock.writeBigUInt64LE(BigInt(directoriesAt), 72);
  superblock.writeBigUInt64LE(fragments.length === 0 ? ABSENT : BigInt(fragmentTable.index), 80);
  superblock.writeBigUInt64LE(ABSENT, 88);
  const padding = Buffer.alloc((PADDED_TO - (end % PADDED_TO)) % PADDED_TO);
  return {
    head: Buffer.concat([superblock, OPTIONS]),
    tables: Buffer.concat([inodes, listings, fragmentTable.bytes, idTable.bytes, padding]),
  };
};

const reference = ({ block, offset }: Place): bigint => (BigInt(block) << 16n) | BigInt(offset);

const fragmentBytes = ({ start, size }: Fragment): Buffer => {
  const bytes = Buffer.alloc(FRAGMENT_BYTES);
  bytes.writeBigUInt64LE(BigInt(start), 0);
  bytes.writeUInt32LE(size, 8);
  return bytes;
};

/** A table that is found by the list of its blocks behind it; `at` is where it will stand, `index` where that list does. */
const lookupTable = (rows: readonly Buffer[], at: number): { bytes: Buffer; index: number } => {
  const writer = new MetadataWriter();
  for (let from = 0; from < rows.length; from += FRAGMENTS_IN_BLOCK)
    writer.add(Buffer.concat(rows.slice(from, from + FRAGMENTS_IN_BLOCK)));
  const { bytes, blocks } = writer.end();
  const list = Buffer.alloc(blocks.length * 8);
  for (const [n, block] of blocks.entries()) list.writeBigUInt64LE(BigInt(at + block), n * 8);
  return { bytes: Buffer.concat([bytes, list]), index: at + bytes.length };
};

const placeOf = (path: string): { above: string; name: string } => {
  const slash = path.lastIndexOf('/');
  return { above: path.slice(0, Math.max(0, slash)), name: path.slice(slash + 1) };
};

/** The tree that paths make; a directory that nobody has named is one that its owner may change. */
export const folderOf = (entries: readonly ImageEntry[], madeAt: number): Folder => {
  const root: Folder = { mode: 0o755, mtime: madeAt, children: new Map() };
  const folders = new Map([['', root]]);
  const folderAt = (path: string): Folder => {
    const known = folders.get(path);
    if (known) return known;
    const { above, name } = placeOf(path);
    const { children } = folderAt(above);
    if (children.has(name)) throw new Error('something lies below what is no directory');
    const folder: Folder = { mode: 0o755, mtime: madeAt, children: new Map() };
    children.set(name, { folder });
    folders.set(path, folder);
    return folder;
  };
  for (const entry of entries) {
    if (entry.kind === 'dir') Object.assign(folderAt(entry.path), { mode: entry.mode, mtime: entry.mtime });
    else {
      const { above, name } = placeOf(entry.path);
      const { children } = folderAt(above);
      if (children.has(name)) throw new Error('one place is named twice');
      children.set(name, { entry });
    }
  }
  return root;
};

/** Inodes and listings, those of a directory behind those of what is in it. */
class TreeTables {
  readonly inodes = new MetadataWriter();
  readonly listings = new MetadataWriter();
  readonly root: Place;
  count = 0;

  constructor(
    root: Folder,
    private readonly bodyOf: (path: string) => FileBody,
  ) {
    const number = (this.count += 1);
    // Nobody lists the root, so its parent is nobody: a number behind all others.
    this.root = this.directory(root, number, total(root) + 1);
  }

  private directory({ mode, mtime, children }: Folder, number: number, parent: number): Place {
    const listed: ListedEntry[] = [];
    let directories = 0;
    for (const [text, node] of children) {
      const name = Buffer.from(text);
      const own = (this.count += 1);
      if ('folder' in node) {
        directories += 1;
        listed.push({ name, kind: KIND.directory, number: own, inode: this.directory(node.folder, own, number) });
      } else listed.push({ name, number: own, ...this.leaf(node.entry, own) });
    }
    const bytes = directoryListing(listed);
    const place = this.listings.add(bytes);
    const inode = directoryInode({ mode, mtime, number }, { bytes: bytes.length, place, parent, directories });
    return this.inodes.add(inode);
  }

  private leaf(entry: Exclude<ImageEntry, { kind: 'dir' }>, number: number): Pick<ListedEntry, 'kind' | 'inode'> {
    if (entry.kind === 'gone')
      return { kind: KIND.characterDevice, inode: this.inodes.add(whiteoutInode({ mode: 0, mtime: 0, number })) };
    const common: Common = { mode: entry.kind === 'link' ? 0o777 : entry.mode, mtime: entry.mtime, number };
    return entry.kind === 'link'
      ? { kind: KIND.link, inode: this.inodes.add(linkInode(common, entry.target)) }
      : { kind: KIND.file, inode: this.inodes.add(fileInode(common, this.bodyOf(entry.path))) };
  }
}

const total = ({ children }: Folder): number => {
  let count = 1;
  for (const node of children.values()) count += 'folder' in node ? total(node.folder) : 1;
  return count;
};
