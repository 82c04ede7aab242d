import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { composeTrees, type ComposedEntry, type LayeredEntry, type LayeredManifest } from '@foldline/contracts';
import { PermanentError, type ObjectStore } from '@foldline/kernel';
import { ImageContents } from '@foldline/squashfs';
import type { TarMember } from '../http/tar-archive.ts';

/** What is to be removed of the checkout, each path ended by NUL. */
const GONE = 'gone';
/** What is to be put upon it. */
const WORKSPACE = 'workspace';

type FileEntry = Extract<LayeredEntry, { kind: 'file' }>;

/**
 * What lies upon a checkout, as members of an archive: first what is gone, then directories, files in the order in which
 * they are stored, and links, upon whose place nothing is written any more. Manifests come from `parseLayered`, so none
 * names a place outside.
 */
export const snapshotMembers = (
  trees: readonly LayeredManifest[],
  takenAt: Date,
  objects: Pick<ObjectStore, 'get'>,
): TarMember[] => {
  const { entries, gone } = composeTrees(trees);
  const removed = Buffer.from(gone.map((path) => `${path}\0`).join(''));
  const content = () => Readable.from([removed]);
  return [
    { kind: 'file', path: GONE, mode: 0o644, mtime: takenAt, size: removed.length, content },
    { kind: 'dir', path: WORKSPACE, mode: 0o755, mtime: takenAt },
    ...entries.flatMap(({ entry }) => (entry.kind === 'dir' ? [placed(entry)] : [])),
    ...filesOf(entries, trees, objects),
    ...entries.flatMap(({ entry }) => (entry.kind === 'link' ? [placed(entry)] : [])),
  ];
};

const placed = <Entry extends LayeredEntry>({ path, mtime, ...entry }: Entry) => ({
  ...entry,
  path: `${WORKSPACE}/${path}`,
  mtime: new Date(mtime * 1000),
});

const filesOf = (
  entries: readonly ComposedEntry[],
  trees: readonly LayeredManifest[],
  objects: Pick<ObjectStore, 'get'>,
): TarMember[] => {
  const images = trees.map(({ layers }) => layers.map(({ digest }) => imageOf(digest, objects)));
  const files = entries.flatMap(({ tree, entry }) => (entry.kind === 'file' ? [{ tree, entry }] : []));
  const place = ({ end, start }: FileEntry): number => end?.start ?? start;
  return files
    .toSorted((a, b) => a.tree - b.tree || a.entry.layer - b.entry.layer || place(a.entry) - place(b.entry))
    .map(({ tree, entry }) => ({
      ...placed(entry),
      content: () => checkedPieces(images[tree]![entry.layer]!, entry),
    }));
};

const imageOf = (digest: string, objects: Pick<ObjectStore, 'get'>): ImageContents =>
  new ImageContents(async (start, end) => {
    const stream = await objects.get(digest, { start, end });
    if (!stream) throw new PermanentError(`the layer ${digest} of a snapshot is missing`);
    const bytes = Buffer.concat(await stream.toArray());
    if (bytes.length < end - start) throw new PermanentError(`the layer ${digest} of a snapshot ends too early`);
    return bytes;
  });

/** A manifest may say anything of where a content lies: what comes is what the digest says, or the archive is cut short. */
async function* checkedPieces(image: ImageContents, file: FileEntry): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let last: Buffer | undefined;
  for await (const piece of image.pieces(file)) {
    hash.update(piece);
    if (last) yield last;
    last = piece;
  }
  if (hash.digest('hex') !== file.digest) throw new PermanentError(`the file ${file.path} of a snapshot is damaged`);
  if (last) yield last;
}
