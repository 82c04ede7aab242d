import { join } from 'node:path';
import { clear, readTree, TreeDirectories } from '@foldline/kernel';
import type { JobObjects } from '../storage/patient-stores.ts';
import { inParallel } from './in-parallel.ts';

const WIDTH = 16;

type UnpackRequest = { manifestDigest: string; into: string; objects: JobObjects };

/** Puts a tree into a directory; files that are there already are replaced. The manifest may be hostile. */
export const unpackTree = async ({ manifestDigest, into, objects }: UnpackRequest): Promise<void> => {
  const entries = await readTree(objects, manifestDigest);
  const directories = new TreeDirectories(into);
  for (const entry of entries) directories.makeFor(entry);
  await inParallel(
    entries.filter((entry) => entry.kind === 'file'),
    WIDTH,
    async ({ path, digest, mode }) => {
      const target = join(into, path);
      clear(target);
      await objects.copyToFile(digest, target, mode);
    },
  );
  // Links come last: nothing is written after they are there.
  for (const entry of entries) if (entry.kind === 'link') directories.link(entry);
  for (const entry of entries) if (entry.kind === 'dir') directories.finish(entry);
};
