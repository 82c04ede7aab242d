import { join } from 'node:path';
import { TREE_LIMITS, serializeManifest, type TreeEntry } from '@foldline/contracts';
import { Refusal } from '@foldline/kernel';
import type { JobObjects } from '../storage/patient-stores.ts';
import { inParallel } from './in-parallel.ts';
import { selectEntries } from './select-entries.ts';

const WIDTH = 16;

type PackRequest = {
  root: string;
  paths: readonly string[];
  exclude: readonly string[];
  objects: JobObjects;
  maxBytes?: number;
};
export type PackedTree = {
  manifestDigest: string;
  /** Regular files; directories and links are not counted. */
  files: number;
  bytes: number;
  /** Patterns that found nothing. */
  unmatched: string[];
  /** What was found and left out, and why. */
  skipped: string[];
};

/**
 * Keeps what the patterns name below `root` in the object store, file by file, and the list of it as a manifest. Files
 * that are already there cost nothing but their hash. Artifacts and caches are the same thing (docs/adr/0005).
 */
export const packTree = async ({
  root,
  paths,
  exclude,
  objects,
  maxBytes = TREE_LIMITS.bytes,
}: PackRequest): Promise<PackedTree> => {
  const { entries, unmatched, skipped } = selectEntries(root, paths, exclude);
  const announced = entries.reduce((sum, entry) => sum + (entry.kind === 'file' ? entry.size : 0), 0);
  if (announced > maxBytes)
    throw new Refusal('tree_too_large', `there are ${announced} bytes to keep; at most ${maxBytes} are kept`);
  const kept = entries.flatMap((entry): TreeEntry[] => {
    if (entry.kind === 'link') return [{ kind: 'link', path: entry.path, target: entry.target }];
    return entry.kind === 'dir' ? [{ kind: 'dir', path: entry.path, mode: entry.mode }] : [];
  });
  await inParallel(
    entries.filter((entry) => entry.kind === 'file'),
    WIDTH,
    async ({ path, mode }) => {
      const { digest, bytes } = await objects.putFile(join(root, path));
      kept.push({ kind: 'file', path, mode, size: bytes, digest });
    },
  );
  const files = kept.filter((entry) => entry.kind === 'file');
  const { digest } = await objects.put(serializeManifest(kept));
  return {
    manifestDigest: digest,
    files: files.length,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    unmatched,
    skipped,
  };
};
