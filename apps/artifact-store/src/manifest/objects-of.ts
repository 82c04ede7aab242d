import { contentOfLayered, parseLayered, parseManifest, type TreeLayer } from '@foldline/contracts';
import { PermanentError } from '@foldline/kernel';
import { createHash } from 'node:crypto';

export type NamedObject = { path: string; digest: string; bytes: number };
/** What a manifest says: its files and their bytes, and the objects that have them. */
export type NamedTree = { files: number; bytes: number; objects: NamedObject[] };
export type LayeredClaim = { layers: readonly TreeLayer[]; contentDigest: string };

/** The objects that a stored manifest names. Throws `PermanentError` for bytes that are no manifest. */
export const treeOf = (manifest: Buffer): NamedTree =>
  orPermanent(() => {
    const files = parseManifest(manifest).entries.filter((entry) => entry.kind === 'file');
    const objects = files.map(({ path, digest, size }) => ({ path, digest, bytes: size }));
    return { files: files.length, bytes: total(files), objects };
  });

/** The same of a tree of layers. Throws `PermanentError` also when it is not what it was said to be. */
export const layeredTreeOf = (manifest: Buffer, claim: LayeredClaim): NamedTree =>
  orPermanent(() => {
    const { layers, entries } = parseLayered(manifest);
    if (JSON.stringify(layers) !== JSON.stringify(claim.layers))
      throw new Error('it has other layers than were announced');
    const content = createHash('sha256').update(contentOfLayered(entries)).digest('hex');
    if (content !== claim.contentDigest) throw new Error('it has another content than was announced');
    const files = entries.filter((entry) => entry.kind === 'file');
    const objects = layers.map(({ digest, bytes }, index) => ({ path: `layer ${index + 1}`, digest, bytes }));
    return { files: files.length, bytes: total(files), objects };
  });

const total = (files: readonly { size: number }[]): number => files.reduce((sum, { size }) => sum + size, 0);

const orPermanent = <Value>(read: () => Value): Value => {
  try {
    return read();
  } catch (error) {
    throw new PermanentError(error instanceof Error ? error.message : 'the manifest cannot be read', { cause: error });
  }
};
