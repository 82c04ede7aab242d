import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { TreeEntry } from '@foldline/contracts';
import { PermanentError, type ObjectStore } from '@foldline/kernel';
import { pack as newPack, type Pack } from 'tar-stream';

/** Artifacts are mostly compressed or soon thrown away: speed counts more than the last tenth. */
const GZIP_LEVEL = 3;

const addFile = async (
  pack: Pack,
  entry: TreeEntry & { kind: 'file' },
  mtime: Date,
  objects: ObjectStore,
): Promise<void> => {
  const content = await objects.get(entry.digest);
  if (!content) throw new PermanentError(`the file ${entry.path} of an artifact is missing`);
  await pipeline(content, pack.entry({ name: entry.path, size: entry.size, mode: entry.mode, mtime }));
};

const addOther = (pack: Pack, entry: Exclude<TreeEntry, { kind: 'file' }>, mtime: Date): Promise<void> =>
  new Promise((resolve, reject) => {
    const header =
      entry.kind === 'dir'
        ? ({ name: `${entry.path}/`, type: 'directory', mode: entry.mode, mtime } as const)
        : ({ name: entry.path, type: 'symlink', linkname: entry.target, mtime } as const);
    pack.entry(header, (error) => (error ? reject(error) : resolve()));
  });

/**
 * The entries as a compressed tar archive that is made while it is read. Entries come from `parseManifest`, so none
 * names a place outside of where it is unpacked. `mtime` is the same for all, so the same artifact is the same bytes.
 */
export const tarArchive = (entries: readonly TreeEntry[], mtime: Date, objects: ObjectStore): Readable => {
  const pack = newPack();
  const gzip = createGzip({ level: GZIP_LEVEL });
  const fill = async (): Promise<void> => {
    for (const entry of entries) {
      if (entry.kind === 'file') await addFile(pack, entry, mtime, objects);
      else await addOther(pack, entry, mtime);
    }
    pack.finalize();
  };
  // Whatever breaks off cuts the archive short, which its reader sees: gzip ends in a checksum.
  const cut = (error: unknown): void => void gzip.destroy(error as Error);
  pipeline(pack, gzip).catch(cut);
  fill().catch((error: unknown) => {
    cut(error);
    pack.destroy();
  });
  return gzip;
};
