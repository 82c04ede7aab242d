import { closeSync, fchmodSync, futimesSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { pathProblem } from '@foldline/contracts';
import { openFresh, TreeDirectories } from '@foldline/kernel';
import { extract, type Header } from 'tar-stream';

export type Unpacked = { files: number; bytes: number; links: number; removed: number };
type Link = { path: string; target: string; mtime: number };
type Directory = { path: string; mode: number; mtime: number };
type Entry = AsyncIterable<unknown> & { header: Header; resume: () => unknown };

/** What is to be removed of the checkout may be at most so many paths of 1 KiB. */
const MOST_GONE_BYTES = 128 * 1024 * 1024;
const PREFIX = 'workspace/';

/**
 * Puts the archive of a snapshot upon a checkout. It may be anybody's: nothing is written, or removed, outside of the
 * directory, nor through a link. Throws an `Error` for an archive that is none, is damaged or ends early.
 */
export const unpackArchive = async (archive: AsyncIterable<Uint8Array>, into: string): Promise<Unpacked> => {
  const told: Unpacked = { files: 0, bytes: 0, links: 0, removed: 0 };
  const place: Place = { into, tree: new TreeDirectories(into), links: [], directories: [], told };
  const tar = extract();
  const read = async (): Promise<void> => {
    for await (const entry of tar) await put(entry, place);
  };
  const reading = read().catch((error: unknown) => {
    tar.destroy(error as Error);
    throw error;
  });
  await Promise.all([pipeline(Readable.from(archive), createGunzip(), tar), reading]);
  finish(place);
  return told;
};

/** `links` and `directories` are those that are finished when everything else is there. */
type Place = { into: string; tree: TreeDirectories; links: Link[]; directories: Directory[]; told: Unpacked };

/** Links come last: nothing is written after they are there, and nothing lies below one. */
const finish = ({ tree, links, directories, told }: Place): void => {
  const linked = new Set(links.map(({ path }) => path));
  const isBelowLink = (path: string): boolean => path !== '.' && (linked.has(path) || isBelowLink(dirname(path)));
  if (
    linked.size < links.length ||
    [...links.map(({ path }) => dirname(path)), ...directories.map(({ path }) => path)].some(isBelowLink)
  )
    throw new Error('the archive puts something below a link');
  for (const link of links) tree.link(link);
  for (const directory of directories) tree.finish(directory);
  told.links = links.length;
};

const put = async (entry: Entry, place: Place): Promise<void> => {
  const { tree, told } = place;
  const { name, type, mode, mtime, linkname } = entry.header;
  if (name === 'gone') return remove(await textOf(entry), place);
  const path = pathIn(name);
  const at = { path, mtime: mtime.getTime() / 1000 };
  if (type === 'file') {
    tree.makeFor({ kind: 'file', path });
    told.files += 1;
    told.bytes += await writeFile(join(place.into, path), entry, mode & 0o777, at.mtime);
    return;
  }
  // Whoever does not read an entry gets no other.
  entry.resume();
  if (type === 'directory') {
    if (path === '') return;
    tree.makeFor({ kind: 'dir', path });
    place.directories.push({ ...at, mode: mode & 0o777 });
    return;
  }
  if (type !== 'symlink' || !linkname) throw new Error(`the archive has an entry that is no file: ${name}`);
  tree.makeFor({ kind: 'link', path });
  place.links.push({ ...at, target: linkname });
};

const pathIn = (name: string): string => {
  const path = name.startsWith(PREFIX) ? name.slice(PREFIX.length).replace(/\/$/, '') : name;
  if (name === PREFIX) return '';
  const problem = name.startsWith(PREFIX) ? pathProblem(path) : 'is not of the workspace';
  if (problem) throw new Error(`the archive names a path that ${problem}`);
  return path;
};

const remove = (gone: string, { tree, told }: Place): void => {
  for (const path of gone.split('\0').filter(Boolean)) {
    const problem = pathProblem(path);
    if (problem) throw new Error(`the archive names a path that ${problem}`);
    tree.remove(path);
    told.removed += 1;
  }
};

const textOf = async (entry: Entry): Promise<string> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of entry as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_GONE_BYTES) throw new Error('the archive names too much that is gone');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};

const writeFile = async (path: string, entry: Entry, mode: number, mtime: number): Promise<number> => {
  const fd = openFresh(path, mode);
  try {
    let bytes = 0;
    for await (const chunk of entry as AsyncIterable<Buffer>) {
      for (let written = 0; written < chunk.length;) written += writeSync(fd, chunk, written);
      bytes += chunk.length;
    }
    fchmodSync(fd, mode);
    futimesSync(fd, mtime, mtime);
    return bytes;
  } finally {
    closeSync(fd);
  }
};
