import { lstatSync, mkdirSync, rmSync, symlinkSync, chmodSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TreeEntry } from '@foldline/contracts';
import { readTree } from '@foldline/kernel';
import type { JobObjects } from '../storage/patient-stores.ts';
import { inParallel } from './in-parallel.ts';

const WIDTH = 16;
const OWNER_MAY_WRITE = 0o700;

type UnpackRequest = { manifestDigest: string; into: string; objects: JobObjects };

/**
 * Puts a tree into a directory; files that are there already are replaced. The manifest may be hostile and so may what
 * lies in the directory: nothing is ever written through a symbolic link.
 */
export const unpackTree = async ({ manifestDigest, into, objects }: UnpackRequest): Promise<void> => {
  const entries = await readTree(objects, manifestDigest);
  const directories = entries.filter((entry) => entry.kind === 'dir');
  const made = new Set<string>(['.']);
  for (const { path } of directories) makeDirectory(into, path, made);
  await inParallel(
    entries.filter((entry) => entry.kind === 'file'),
    WIDTH,
    async ({ path, digest, mode }) => {
      makeDirectory(into, dirname(path), made);
      const target = join(into, path);
      clear(target);
      await objects.copyToFile(digest, target, mode);
    },
  );
  // Links come last: nothing is written after they are there.
  for (const entry of entries) if (entry.kind === 'link') link(into, entry, made);
  for (const { path, mode } of directories) chmodSync(join(into, path), mode | OWNER_MAY_WRITE);
};

/** Makes a directory and those above it; a link or file in its place is removed, so that no path leads elsewhere. */
const makeDirectory = (root: string, path: string, made: Set<string>): void => {
  if (made.has(path)) return;
  makeDirectory(root, dirname(path), made);
  const target = join(root, path);
  const there = lstatSync(target, { throwIfNoEntry: false });
  if (there && !there.isDirectory()) rmSync(target);
  if (!there?.isDirectory()) mkdirSync(target);
  made.add(path);
};

const clear = (target: string): void => {
  if (lstatSync(target, { throwIfNoEntry: false })) rmSync(target, { recursive: true });
};

const link = (root: string, { path, target }: Extract<TreeEntry, { kind: 'link' }>, made: Set<string>): void => {
  makeDirectory(root, dirname(path), made);
  clear(join(root, path));
  symlinkSync(target, join(root, path));
};
