import { COLLECTION, type ArtifactDoc, type CacheDoc, type SnapshotDoc } from '@foldline/contracts';
import { PermanentError, type ObjectStore, type ReadStore } from '@foldline/kernel';
import { treeOf } from '../manifest/objects-of.ts';

const PAGE = 200;

/**
 * The objects that nothing will need once these artifacts are gone: their manifests and files, less what the manifest
 * of any other available artifact or any cache names. Costs one pass over all of those, so it is for background work
 * and for many artifacts at once; memory grows with the given artifacts only.
 *
 * `undefined`: a manifest that is still in use is damaged, so nobody can tell what it names, and nothing may go.
 */
export const bytesOnlyOf = async (
  artifacts: readonly ArtifactDoc[],
  reads: ReadStore,
  objects: ObjectStore,
): Promise<Set<string> | undefined> => {
  const going = new Set(artifacts.map(({ id }) => id));
  const candidates = new Set<string>();
  for (const { manifestDigest } of artifacts) {
    for (const digest of await namedBy(objects, { manifestDigest }, () => [])) candidates.add(digest);
  }
  for await (const tree of treesInUse(reads, going)) {
    if (candidates.size === 0) break;
    const named = await namedBy(objects, tree, () => undefined);
    if (!named) return undefined;
    for (const digest of named) candidates.delete(digest);
  }
  return candidates;
};

type Tree = Pick<CacheDoc, 'manifestDigest' | 'layers'>;

/** A manifest and the objects that it names; only itself when it is not there any more. */
const namedBy = async <Damaged>(
  objects: ObjectStore,
  { manifestDigest: manifest, layers }: Tree,
  damaged: () => Damaged,
): Promise<string[] | Damaged> => {
  if (layers) return [manifest, ...layers.map(({ digest }) => digest)];
  try {
    const bytes = await objects.read(manifest);
    return bytes ? [manifest, ...treeOf(bytes).objects.map(({ digest }) => digest)] : [manifest];
  } catch (error) {
    if (error instanceof PermanentError) return damaged();
    throw error;
  }
};

async function* treesInUse(reads: ReadStore, except: ReadonlySet<string>): AsyncGenerator<Tree> {
  for await (const { id, doc } of everyDocument(reads, COLLECTION.artifacts)) {
    const artifact = doc as ArtifactDoc;
    if (artifact.status === 'available' && !except.has(id)) yield artifact;
  }
  for await (const { doc } of everyDocument(reads, COLLECTION.caches)) yield doc as CacheDoc;
  for await (const { doc } of everyDocument(reads, COLLECTION.snapshots)) yield* treesOf(doc as SnapshotDoc);
}

/** What was different, and the caches that lay below it. */
const treesOf = ({ trees, manifestDigest, layers }: SnapshotDoc): Tree[] =>
  manifestDigest === undefined ? trees : [...trees, { manifestDigest, ...(layers && { layers }) }];

async function* everyDocument(reads: ReadStore, collection: string) {
  for (let after = ''; ;) {
    const page = await reads.scan(collection, after, PAGE);
    yield* page;
    const last = page.at(-1);
    if (!last || page.length < PAGE) return;
    after = last.id;
  }
}
