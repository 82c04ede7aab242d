import { TREE_LIMITS } from '@foldline/contracts';
import { PermanentError, type ObjectStore } from '@foldline/kernel';
import { objectsOf, type NamedObject } from './objects-of.ts';

type Claim = { manifestDigest: string; files: number; bytes: number };

const LOOKUPS_AT_ONCE = 32;
const SHOWN_PATH = 200;

/**
 * Looks whether everything that an upload announced is really there, and says in one sentence what is not;
 * `undefined` when nothing is missing. That the bytes have their digest is the object store's own promise.
 */
export const problemOfUpload = async (claim: Claim, objects: ObjectStore): Promise<string | undefined> => {
  const manifest = await readManifest(claim.manifestDigest, objects);
  if ('problem' in manifest) return manifest.problem;
  const { files } = manifest;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (files.length !== claim.files || bytes !== claim.bytes) {
    return `its manifest names ${files.length} files of ${bytes} bytes, not ${claim.files} of ${claim.bytes}`;
  }
  for (let start = 0; start < files.length; start += LOOKUPS_AT_ONCE) {
    const some = files.slice(start, start + LOOKUPS_AT_ONCE);
    const problems = await Promise.all(some.map((file) => problemOfFile(file, objects)));
    const first = problems.find((problem) => problem !== undefined);
    if (first !== undefined) return first;
  }
  return undefined;
};

const readManifest = async (
  digest: string,
  objects: ObjectStore,
): Promise<{ files: NamedObject[] } | { problem: string }> => {
  const stored = await objects.stat(digest);
  if (!stored) return { problem: 'its manifest is missing' };
  if (stored.bytes > TREE_LIMITS.manifestBytes) return { problem: 'its manifest is too large' };
  try {
    const bytes = await objects.read(digest);
    return bytes ? { files: objectsOf(bytes) } : { problem: 'its manifest is missing' };
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
