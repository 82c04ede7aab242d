import { rmSync } from 'node:fs';
import type { LayeredEntry, TreeLayer } from '@foldline/contracts';
import {
  BatchMaker,
  beginPacking,
  filesOf,
  finishImage,
  imageTree,
  packLarge,
  type FileToPack,
  type PackedFile,
} from '@foldline/squashfs';
import { selectEntries, type Found, type Selection } from '../trees/select-entries.ts';
import { changesSince, entriesWith, holdsTheSame, isWornOut, type Base, type Changes } from './changed-entries.ts';
import { entriesToCompare, type Identity } from './compare-entries.ts';
import { WITH_NOTHING, withMounted, withUnpacked, type Comparison } from './comparison.ts';
import type { TwoThreads } from './two-threads.ts';
import { KnownManifests, byPathOf } from './known-manifests.ts';
import { OverlaidWorkspace } from './overlaid-workspace.ts';
import { ScannedWorkspace } from './scanned-workspace.ts';
import type {
  DescribeTree,
  LayerOperation,
  SaveTree,
  SavedTree,
  TakeDifferences,
  WatchWorkspace,
} from './tree-operations.ts';
import { UndescribedTree, contentDigestOf, type Contents } from './undescribed-tree.ts';
import { UnpackedTrees } from './unpacked-trees.ts';
import { WorkspaceDifferences } from './workspace-differences.ts';

type Packs = SaveTree | TakeDifferences;
type Changed = { changes: Changes };
type Selected = Selection & Changed;
type Packed<Looked> = { selected: Looked; packed: PackedFile[] };

/** The work on layered trees that takes long, one operation after the other. */
export class LayerOperations {
  /** Of trees whose new layer is being stored, by its path. */
  private readonly undescribed = new Map<string, UndescribedTree>();
  /** By their directory. */
  private readonly watched = new Map<string, WorkspaceDifferences>();
  private readonly manifests = new KnownManifests();
  private readonly unpacked: UnpackedTrees;

  constructor(private readonly threads: TwoThreads) {
    this.unpacked = new UnpackedTrees(threads, this.manifests);
  }

  async perform(operation: LayerOperation): Promise<SavedTree | undefined> {
    if (operation.kind === 'save') return this.save(operation);
    if (operation.kind === 'difference') return this.difference(operation);
    if (operation.kind === 'describe') return this.describe(operation);
    if (operation.kind === 'unpack') await this.unpacked.unpack(operation);
    else if (operation.kind === 'watch') await this.watch(operation);
    else this.forget(operation.into);
    return undefined;
  }

  private async save(operation: SaveTree): Promise<SavedTree> {
    const { root, paths } = operation;
    const base = this.baseFor(operation);
    const { isUnchanged, ...looking } = await this.comparedWith(operation, base);
    const find = (onFile: (file: FileToPack) => void = () => undefined): Selected => {
      const onFound = (entry: Found): void => (entry.kind === 'file' ? onFile(entry) : undefined);
      const selection = selectEntries(root, paths, [], { ...looking, form: 'exact', onFound });
      return { ...selection, changes: changesSince(base, selection.entries, isUnchanged) };
    };
    // Without a base everything is packed, and can be as soon as it is found.
    const { selected, packed } = base ? await this.packChanges(operation, find()) : await this.pack(operation, find);
    const { unmatched, skipped, changes } = selected;
    const layers = base?.layers ?? [];
    const files = filesIn(changes, packed);
    // Takes its time: where there is nothing to compare with, that is while the layer is stored.
    const look = (): LayeredEntry[] => entriesWith(changes, packed, layers.length);
    const compared = base && { base, entries: look() };
    const told = { unmatched, skipped, files: files.length, bytes: bytesOf(files), layers };
    const isAsBefore = compared !== undefined && holdsTheSame(compared.base, compared.entries);
    const isChanged = files.length > 0 && !isAsBefore;
    const saved = { ...told, isChanged, ...(isAsBefore && { contentDigest: contentBefore(operation, compared.base) }) };
    if (isChanged)
      this.undescribed.set(
        operation.image,
        new UndescribedTree(root, saved, () => ({ entries: compared?.entries ?? look() }), bytesOf(packed)),
      );
    else rmSync(operation.image, { force: true });
    return saved;
  }

  private async watch({ root, overlay, restored }: WatchWorkspace): Promise<void> {
    const before = restored === undefined ? undefined : this.manifests.read(restored);
    const look = overlay
      ? new OverlaidWorkspace({ root, ...overlay }, before)
      : ScannedWorkspace.begin(root, before, this.threads, this.unpacked.restoredIn(root));
    this.watched.set(root, new WorkspaceDifferences(look, before));
  }

  private async difference(operation: TakeDifferences): Promise<SavedTree | undefined> {
    const { root, image } = operation;
    const watched = this.watched.get(root)!;
    const different = await watched.now();
    if (!different) return undefined;
    const { changes, base, gone, stamps } = different;
    const layers = base?.layers ?? [];
    const { packed } = await this.packFound(operation, { changes });
    const files = filesIn(changes, packed);
    const saved = {
      files: files.length,
      bytes: bytesOf(files),
      unmatched: [],
      skipped: [],
      layers,
      isChanged: true,
    };
    const look = (): Contents => ({ entries: entriesWith(changes, packed, layers.length), gone });
    const stored = (all: TreeLayer[], { entries }: Contents): void =>
      watched.stored({ layers: all, entries: byPathOf(entries), gone, stamps });
    this.undescribed.set(image, new UndescribedTree(root, saved, look, bytesOf(packed), stored));
    return saved;
  }

  private describe({ image, layer: { digest, bytes }, manifest }: DescribeTree): SavedTree {
    const tree = this.undescribed.get(image)!;
    this.undescribed.delete(image);
    const { contents, contentDigest, manifestWith } = tree.describe();
    const layers = [...tree.saved.layers, { digest, bytes, content: tree.bytesInLayer }];
    this.manifests.write(manifest, manifestWith(layers), { layers, ...contents });
    tree.onStored(layers, contents);
    return { ...tree.saved, contentDigest, layers };
  }

  private forget(into: string): void {
    this.unpacked.forget(into);
    this.watched.delete(into);
    for (const [image, { root }] of this.undescribed) if (root === into) this.undescribed.delete(image);
  }

  /** Nothing where everything is better packed anew. */
  private baseFor({ base, root }: SaveTree): Base | undefined {
    if (!base) return undefined;
    const known = this.unpacked.find(root, base.manifest) ?? this.manifests.read(base.manifest);
    return isWornOut(known) ? undefined : known;
  }

  private async comparedWith({ base, root }: SaveTree, known: Base | undefined): Promise<Comparison> {
    if (!base || !known) return WITH_NOTHING;
    const { manifest, mounted, over } = base;
    if (!mounted) {
      const { identities = new Map<string, Identity>() } = this.unpacked.find(root, manifest) ?? {};
      const changed = await this.threads.compare(entriesToCompare(root, identities));
      return withUnpacked(known, { identities, changed });
    }
    return withMounted(known, { root, ...mounted, over: over === undefined ? undefined : this.manifests.read(over) });
  }

  /** Packs nothing where nothing has changed: the tree is what its base was. */
  private async packChanges(operation: SaveTree, selected: Selected): Promise<Packed<Selected>> {
    if (selected.changes.layer.length === 0) return { selected, packed: [] };
    return this.packFound(operation, selected);
  }

  private packFound<Looked extends Changed>(operation: Packs, selected: Looked): Promise<Packed<Looked>> {
    return this.pack(operation, (onFile) => {
      for (const file of filesOf(selected.changes.layer)) onFile(file);
      return selected;
    });
  }

  /** Packs each file that `select` finds, while it still looks, into an image of what it answers in the end. */
  private async pack<Looked extends Changed>(
    { image, root, madeAt }: Packs,
    select: (onFile: (file: FileToPack) => void) => Looked,
  ): Promise<Packed<Looked>> {
    rmSync(image, { force: true });
    const packing = beginPacking(image, root);
    const { found, packed } = await this.threads.pack(packing, (give) => {
      const batches = new BatchMaker(give);
      const selected = select((file) => batches.add(file));
      batches.end();
      return { selected, tree: imageTree(selected.changes.layer, madeAt) };
    });
    const { selected, tree } = found;
    packed.push(...(await packLarge(packing, filesOf(selected.changes.layer))));
    finishImage(packing, tree, packed);
    return { selected, packed };
  }
}

const contentBefore = ({ base }: SaveTree, { entries }: Base): string =>
  base?.contentDigest ?? contentDigestOf({ entries: [...entries.values()] });

/** Everything in a layer that is a file has been packed. */
const filesIn = ({ kept }: Changes, packed: readonly PackedFile[]): { size: number }[] => [
  ...kept.filter((entry) => entry.kind === 'file'),
  ...packed,
];

const bytesOf = (files: readonly { size: number }[]): number => files.reduce((sum, { size }) => sum + size, 0);
