import { COLLECTION, type ArtifactDoc, type CacheDoc, type PruningDoc, type SnapshotDoc } from '@foldline/contracts';
import { PermanentError, type ObjectStore, type ReadStore } from '@foldline/kernel';
import { treeOf } from '../manifest/objects-of.ts';

const PAGE = 200;

/**
 * The objects that nothing will need once these trees are gone: their manifests and what they name, less what any other
 * available artifact, any cache, any snapshot, or any pruned one that still waits names. `going` are the ids of what has the trees. Costs
 * one pass over all the others, so it is for background work and for many trees at once; memory grows with the given ones
 * only.
 *
 * `undefined`: a manifest that is still in use is damaged, so nobody can tell what it names, and nothing may go.
 */
export const bytesOnlyOf = async (
  trees: readonly Tree[],
  going: ReadonlySet<string>,
  reads: ReadStore,
  objects: ObjectStore,
): Promise<Set<string> | undefined> => {
  const candidates = new Set<string>();
  for (const tree of trees) {
    for (const digest of await namedBy(objects, tree, () => [])) candidates.add(digest);
  }
  for await (const tree of treesInUse(reads, going)) {
    if (candidates.size === 0) break;
    const named = await namedBy(objects, tree, () => undefined);
    if (!named) return undefined;
    for (const digest of named) candidates.delete(digest);
  }
  return candidates;
};

export type Tree = Pick<CacheDoc, 'manifestDigest' | 'layers'>;

/**
 * What a manifest names, and behind that itself: deleted in this order, a crash in between leaves what tells the rest. Only
 * itself when it is not there any more.
 */
const namedBy = async <Damaged>(
  objects: ObjectStore,
  { manifestDigest: manifest, layers }: Tree,
  damaged: () => Damaged,
): Promise<string[] | Damaged> => {
  if (layers) return [manifest, ...layers.map(({ digest }) => digest)];
  try {
    const bytes = await objects.read(manifest);
    return bytes ? [...treeOf(bytes).objects.map(({ digest }) => digest), manifest] : [manifest];
  } catch (error) {
    if (error instanceof PermanentError) return damaged();
    throw error;
  }
};

async function* treesInUse(reads: ReadStore, going: ReadonlySet<string>): AsyncGenerator<Tree> {
  for await (const { id, doc } of everyDocument(reads, COLLECTION.artifacts)) {
    const artifact = doc as ArtifactDoc;
    if (artifact.status === 'available' && !going.has(id)) yield artifact;
  }
  for await (const { doc } of everyDocument(reads, COLLECTION.caches)) yield doc as CacheDoc;
  for await (const { doc } of everyDocument(reads, COLLECTION.snapshots)) {
    const snapshot = doc as SnapshotDoc;
    if (snapshot.prunedAt === undefined) yield* treesOfSnapshot(snapshot);
  }
  for await (const { id, doc } of everyDocument(reads, COLLECTION.prunings)) {
    const pruning = doc as PruningDoc;
    if (pruning.kind !== 'log' && !going.has(id)) yield* treesOf(pruning);
  }
}

/** What was pruned, tree by tree. */
export const treesOf = (pruning: Exclude<PruningDoc, { kind: 'log' }>): Tree[] =>
  pruning.kind === 'snapshot' ? treesOfSnapshot(pruning) : [pruning];

/** What was different, and the caches that lay below it. */
const treesOfSnapshot = ({
  trees,
  manifestDigest,
  layers,
}: Pick<SnapshotDoc, 'trees' | 'manifestDigest' | 'layers'>): Tree[] =>
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
