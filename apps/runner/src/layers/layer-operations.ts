import { rmSync } from 'node:fs';
import type { LayeredEntry, TreeLayer } from '@foldline/contracts';
import { TreeDirectories } from '@foldline/kernel';
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
import { selectEntries, type AsBefore, type Found, type Selection } from '../trees/select-entries.ts';
import { changesSince, entriesWith, isWornOut, type Base, type Changes } from './changed-entries.ts';
import type { TwoThreads } from './two-threads.ts';
import { KnownManifests, byPathOf } from './known-manifests.ts';
import { OverlaidWorkspace, pathsIn, type Overlaid } from './overlaid-workspace.ts';
import { ScannedWorkspace } from './scanned-workspace.ts';
import { UndescribedTree, contentDigestOf } from './undescribed-tree.ts';
import { WorkspaceDifferences } from './workspace-differences.ts';
import { filesToWrite } from './write-files.ts';

/** `manifest`, `images` and `image` are paths of files of this host. */
export type UnpackTree = { kind: 'unpack'; manifest: string; images: string[]; into: string };
export type SaveTree = {
  kind: 'save';
  root: string;
  paths: string[];
  /**
   * What was restored there before, by unpacking or as an overlay that keeps what was changed since in `upper`; `over` is
   * the manifest of differences that lie between them. `contentDigest` is that of its content, where it is known.
   */
  base?: { manifest: string; contentDigest?: string; upper?: string; over?: string };
  /** Where the new layer is written. */
  image: string;
  /** Seconds since 1970. */
  madeAt: number;
};
/**
 * From now on it is known what becomes different in a workspace; `restored` is the manifest of what was different before,
 * `base` are the directories that an overlay lies upon, without that, the topmost first.
 */
export type WatchWorkspace = {
  kind: 'watch';
  root: string;
  overlay?: Pick<Overlaid, 'upper' | 'base'>;
  restored?: string;
};
/** Packs what is different since a workspace is watched. */
export type TakeDifferences = { kind: 'difference'; root: string; image: string; madeAt: number };
/** Writes the manifest of a tree whose new layer is stored. */
export type DescribeTree = {
  kind: 'describe';
  image: string;
  layer: Pick<TreeLayer, 'digest' | 'bytes'>;
  manifest: string;
};
/** Nobody asks about what was restored there any more. */
export type ForgetTrees = { kind: 'forget'; into: string };
export type LayerOperation = UnpackTree | SaveTree | WatchWorkspace | TakeDifferences | DescribeTree | ForgetTrees;

export type SavedTree = Pick<Selection, 'unmatched' | 'skipped'> & {
  files: number;
  bytes: number;
  /** Of a tree that is described, or is what its base was. */
  contentDigest?: string;
  layers: TreeLayer[];
  /** Whether there is a new layer, to be described once it is stored; without one the tree is what its base was. */
  isChanged: boolean;
};

type Selected = Selection & { changes: Changes };
type Unpacked = Base & { stamps: ReadonlyMap<string, string> };

/** The work on layered trees that takes long, one operation after the other. */
export class LayerOperations {
  /** By the directory that they were unpacked into and their manifest. */
  private readonly unpacked = new Map<string, Map<string, Unpacked>>();

  /** Of trees whose new layer is being stored, by its path. */
  private readonly undescribed = new Map<string, UndescribedTree>();
  /** By their directory. */
  private readonly watched = new Map<string, WorkspaceDifferences>();
  private readonly manifests = new KnownManifests();

  constructor(private readonly threads: TwoThreads) {}

  async perform(operation: LayerOperation): Promise<SavedTree | undefined> {
    if (operation.kind === 'save') return this.save(operation);
    if (operation.kind === 'difference') return this.difference(operation);
    if (operation.kind === 'describe') return this.describe(operation);
    if (operation.kind === 'unpack') await this.unpack(operation);
    else if (operation.kind === 'watch') this.watch(operation);
    else this.forget(operation.into);
    return undefined;
  }

  private async unpack({ manifest, images, into }: UnpackTree): Promise<void> {
    const base = this.manifests.read(manifest);
    const entries = [...base.entries.values()];
    const directories = new TreeDirectories(into);
    for (const path of base.gone) directories.remove(path);
    for (const entry of entries) directories.makeFor(entry);
    const written = await this.threads.write(filesToWrite(into, images, entries));
    // Links come last: nothing is written after they are there.
    for (const entry of entries) if (entry.kind === 'link') directories.link(entry);
    for (const entry of entries) if (entry.kind === 'dir') directories.finish(entry);
    const here = this.unpacked.get(into) ?? new Map<string, Unpacked>();
    this.unpacked.set(into, here.set(manifest, { ...base, stamps: new Map(written) }));
  }

  private async save(operation: SaveTree): Promise<SavedTree> {
    const { root, paths } = operation;
    const base = this.baseFor(operation);
    const { asBefore, isUnchanged } = this.comparedWith(operation, base);
    const look = (onFile: (file: FileToPack) => void = () => undefined): Selected => {
      const selection = selectEntries(root, paths, [], { asBefore, form: 'exact', onFile });
      return { ...selection, changes: changesSince(base, selection.entries, isUnchanged) };
    };
    // Without a base everything is packed, and can be as soon as it is found.
    const { selected, packed } = base ? await this.packChanged(operation, look()) : await this.pack(operation, look);
    const { entries: found, unmatched, skipped, changes } = selected;
    const layers = base?.layers ?? [];
    const hasFiles = found.some(({ kind }) => kind === 'file');
    const entries = entriesWith(changes, packed, layers.length);
    const files = entries.filter((entry) => entry.kind === 'file');
    const told = { unmatched, skipped, files: files.length, bytes: bytesOf(files), layers };
    const contentDigest = base && contentDigestOf({ entries });
    const isChanged = hasFiles && (!base || contentDigest !== contentBefore(operation, base));
    const saved = { ...told, isChanged, ...(contentDigest !== undefined && { contentDigest }) };
    if (isChanged)
      this.undescribed.set(operation.image, new UndescribedTree(root, saved, { entries }, bytesOf(packed)));
    else rmSync(operation.image, { force: true });
    return saved;
  }

  private watch({ root, overlay, restored }: WatchWorkspace): void {
    const before = restored === undefined ? undefined : this.manifests.read(restored);
    const look = overlay ? new OverlaidWorkspace({ root, ...overlay }, before) : new ScannedWorkspace(root, before);
    this.watched.set(root, new WorkspaceDifferences(look, before));
  }

  private async difference(operation: TakeDifferences): Promise<SavedTree | undefined> {
    const { root, image } = operation;
    const watched = this.watched.get(root)!;
    const different = watched.now();
    if (!different) return undefined;
    const { changes, base, gone, stamps } = different;
    const layers = base?.layers ?? [];
    const { packed } = await this.packChanged(operation, { changes });
    const entries = entriesWith(changes, packed, layers.length);
    const files = entries.filter((entry) => entry.kind === 'file');
    const saved = {
      files: files.length,
      bytes: bytesOf(files),
      unmatched: [],
      skipped: [],
      layers,
      isChanged: true,
    };
    const stored = (all: TreeLayer[]): void =>
      watched.stored({ layers: all, entries: byPathOf(entries), gone, stamps });
    this.undescribed.set(image, new UndescribedTree(root, saved, { entries, gone }, bytesOf(packed), stored));
    return saved;
  }

  private describe({ image, layer: { digest, bytes }, manifest }: DescribeTree): SavedTree {
    const tree = this.undescribed.get(image)!;
    this.undescribed.delete(image);
    const { contentDigest, manifestWith } = tree.describe();
    const layers = [...tree.saved.layers, { digest, bytes, content: tree.bytesInLayer }];
    this.manifests.write(manifest, manifestWith(layers), { layers, ...tree.contents });
    tree.onStored(layers);
    return { ...tree.saved, contentDigest, layers };
  }

  private forget(into: string): void {
    this.unpacked.delete(into);
    this.watched.delete(into);
    for (const [image, { root }] of this.undescribed) if (root === into) this.undescribed.delete(image);
  }

  /** Nothing where everything is better packed anew. */
  private baseFor({ base, root }: SaveTree): Base | undefined {
    if (!base) return undefined;
    const known = this.unpacked.get(root)?.get(base.manifest) ?? this.manifests.read(base.manifest);
    return isWornOut(known) ? undefined : known;
  }

  private comparedWith(
    { base, root }: SaveTree,
    known: Base | undefined,
  ): { asBefore: AsBefore; isUnchanged: (entry: Found) => boolean } {
    if (!base || !known) return { asBefore: () => undefined, isUnchanged: () => false };
    if (base.upper === undefined) {
      const stamps = this.unpacked.get(root)?.get(base.manifest)?.stamps;
      const isUnchanged = (entry: Found): boolean => entry.kind !== 'file' || stamps?.get(entry.path) === entry.stamp;
      return { asBefore: () => undefined, isUnchanged };
    }
    const changed = pathsIn(base.upper);
    if (base.over !== undefined) for (const path of this.manifests.read(base.over).entries.keys()) changed.add(path);
    const isUnchanged = ({ path, kind }: Found): boolean => kind !== 'file' || !changed.has(path);
    const asBefore: AsBefore = (path) => {
      const entry = changed.has(path) ? undefined : known.entries.get(path);
      return entry && entry.kind !== 'dir' ? foundAs(entry) : undefined;
    };
    return { asBefore, isUnchanged };
  }

  private async packChanged<Selected extends { changes: Changes }>(
    operation: SaveTree | TakeDifferences,
    selected: Selected,
  ): Promise<{ selected: Selected; packed: PackedFile[] }> {
    if (selected.changes.layer.length === 0) return { selected, packed: [] };
    return this.pack(operation, (onFile) => {
      for (const file of filesOf(selected.changes.layer)) onFile(file);
      return selected;
    });
  }

  /** Packs each file that `select` finds, while it still looks, into an image of what it answers in the end. */
  private async pack<Selected extends { changes: Changes }>(
    { image, root, madeAt }: SaveTree | TakeDifferences,
    select: (onFile: (file: FileToPack) => void) => Selected,
  ): Promise<{ selected: Selected; packed: PackedFile[] }> {
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

const foundAs = (entry: Exclude<LayeredEntry, { kind: 'dir' }>): ReturnType<AsBefore> =>
  entry.kind === 'link' ? entry : { ...entry, stamp: '' };

const bytesOf = (files: readonly { size: number }[]): number => files.reduce((sum, { size }) => sum + size, 0);
