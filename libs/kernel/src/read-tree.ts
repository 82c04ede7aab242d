import { parseManifest, type TreeManifest } from '@foldline/contracts';
import { PermanentError } from './errors.ts';
import type { ObjectStore } from './ports/object-store.port.ts';

/** What a tree holds. Its manifest may be hostile: every path stays inside the tree, or it is refused. */
export const readTree = async (
  objects: Pick<ObjectStore, 'read'>,
  manifestDigest: string,
): Promise<TreeManifest['entries']> => {
  const bytes = await objects.read(manifestDigest);
  if (!bytes) throw new PermanentError(`the tree ${manifestDigest} is not in the object store`);
  try {
    return parseManifest(bytes).entries;
  } catch (cause) {
    throw new PermanentError(`the tree cannot be unpacked: ${(cause as Error).message}`, { cause });
  }
};
