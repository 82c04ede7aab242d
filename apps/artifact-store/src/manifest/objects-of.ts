import { parseManifest } from '@foldline/contracts';
import { PermanentError } from '@foldline/kernel';

export type NamedObject = { path: string; digest: string; bytes: number };

/** The objects that a stored manifest names. Throws `PermanentError` for bytes that are no manifest. */
export const objectsOf = (manifest: Buffer): NamedObject[] => {
  try {
    return parseManifest(manifest).entries.flatMap((entry) =>
      entry.kind === 'file' ? [{ path: entry.path, digest: entry.digest, bytes: entry.size }] : [],
    );
  } catch (error) {
    throw new PermanentError(error instanceof Error ? error.message : 'the manifest cannot be read', { cause: error });
  }
};
