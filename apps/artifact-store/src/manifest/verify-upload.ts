import { TREE_LIMITS } from '@foldline/contracts';
import { PermanentError, type ObjectStore } from '@foldline/kernel';
import { layeredTreeOf, treeOf, type LayeredClaim, type NamedObject, type NamedTree } from './objects-of.ts';

type Claim = { manifestDigest: string; files: number; bytes: number } & Partial<LayeredClaim>;

const LOOKUPS_AT_ONCE = 32;
const SHOWN_PATH = 200;

/**
 * Looks whether everything that an upload announced is really there, and says in one sentence what is not;
 * `undefined` when nothing is missing. That the bytes have their digest is the object store's own promise.
 */
export const problemOfUpload = async (claim: Claim, objects: ObjectStore): Promise<string | undefined> => {
  const manifest = await readManifest(claim, objects);
  if ('problem' in manifest) return manifest.problem;
  const { files, bytes, objects: named } = manifest.tree;
  if (files !== claim.files || bytes !== claim.bytes) {
    return `its manifest names ${files} files of ${bytes} bytes, not ${claim.files} of ${claim.bytes}`;
  }
  for (let start = 0; start < named.length; start += LOOKUPS_AT_ONCE) {
    const some = named.slice(start, start + LOOKUPS_AT_ONCE);
    const problems = await Promise.all(some.map((file) => problemOfFile(file, objects)));
    const first = problems.find((problem) => problem !== undefined);
    if (first !== undefined) return first;
  }
  return undefined;
};

const readManifest = async (
  { manifestDigest, layers, contentDigest }: Claim,
  objects: ObjectStore,
): Promise<{ tree: NamedTree } | { problem: string }> => {
  const stored = await objects.stat(manifestDigest);
  if (!stored) return { problem: 'its manifest is missing' };
  if (stored.bytes > TREE_LIMITS.manifestBytes) return { problem: 'its manifest is too large' };
  try {
    const bytes = await objects.read(manifestDigest);
    if (!bytes) return { problem: 'its manifest is missing' };
    return {
      tree: layers && contentDigest !== undefined ? layeredTreeOf(bytes, { layers, contentDigest }) : treeOf(bytes),
    };
  } catch (error) {
    // Damaged bytes, or bytes that are no manifest: trying again would find the same.
    if (error instanceof PermanentError) return { problem: `its manifest cannot be read: ${error.message}` };
    throw error;
  }
};

const problemOfFile = async (
  { path, digest, bytes }: NamedObject,
  objects: ObjectStore,
): Promise<string | undefined> => {
  const stored = await objects.stat(digest);
  if (!stored) return `the file "${path.slice(0, SHOWN_PATH)}" is missing`;
  if (stored.bytes === bytes) return undefined;
  return `the file "${path.slice(0, SHOWN_PATH)}" has ${stored.bytes} bytes, not ${bytes}`;
};
