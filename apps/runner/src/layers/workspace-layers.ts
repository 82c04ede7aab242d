import { closeSync, constants, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { JobObjects } from '../storage/patient-stores.ts';
import type { LayerOperation, SaveTree, SavedTree } from './tree-operations.ts';
import type { LayeredTree } from './mounted-layers.ts';
import { overlayAt, unmountAll } from './mounts.ts';
import type { Overlaid } from './overlaid-workspace.ts';
import type { TreeLayers } from './tree-layers.ts';

/** Where an attempt works, and a directory of its own beside that. */
type Place = { workspace: string; scratch: string; name: string };
/** `below` is the directory that the overlay hides, which is one of its `base`; `trees` are others, by their manifests. */
type Overlay = Pick<Overlaid, 'upper' | 'base'> & { below: number; trees: ReadonlyMap<string, string> };
export type Watched = { different?: LayeredTree };
export type KeptTree = SavedTree & { manifestDigest: string; contentDigest: string };

/** The trees that are restored to one workspace, and saved from it. */
export class WorkspaceLayers {
  private overlay: Overlay | undefined;
  private readonly restored: LayeredTree[] = [];
  private readonly files: string[] = [];
  private saves = 0;
  /** The manifest of what was different in an earlier attempt. */
  private over: string | undefined;
  private kept: KeptTree | undefined;

  constructor(
    private readonly layers: TreeLayers,
    private readonly place: Place,
    /** Containers see what lay in a workspace when it was given to them, and no mount upon it. */
    private readonly mountable: boolean,
  ) {}

  /**
   * Puts trees into the workspace, each over those before it; files that are there already are replaced. `watched` says
   * that what becomes different from now on will be asked for, after what was different in an earlier attempt.
   */
  async restore(trees: readonly LayeredTree[], objects: JobObjects, watched?: Watched): Promise<void> {
    const { different } = watched ?? {};
    const isPlain = trees.length === 0 && !watched;
    if (isPlain) return;
    const isMounted = this.mountable && (await this.layers.mayMount()) && (await this.mount(trees, different, objects));
    if (!isMounted) await this.unpack([...trees, ...(different ? [different] : [])], objects);
    if (different) this.over = await this.use(different.manifestDigest, objects);
    if (!watched) return;
    const restored = this.over === undefined ? {} : { restored: this.over };
    const { workspace: root } = this.place;
    await this.layers.perform({ kind: 'watch', root, ...(this.overlay && { overlay: this.overlay }), ...restored });
  }

  /** Keeps what is different in a workspace that is watched; the same as before when nothing else is. */
  async differences(objects: JobObjects): Promise<KeptTree | undefined> {
    const image = this.newImage();
    const { workspace: root } = this.place;
    const found = await this.layers.perform({ kind: 'difference', root, image, madeAt: this.now() });
    if (found) this.kept = await this.keep(image, objects);
    return this.kept;
  }

  /**
   * Keeps what the paths name as a tree, with only what has changed since `base` was restored as a new layer. Nothing is
   * kept where there are no files.
   */
  async save(paths: string[], base: LayeredTree | undefined, objects: JobObjects): Promise<KeptTree> {
    const image = this.newImage();
    const { contentDigest = '', ...found } = await this.ask({
      kind: 'save',
      root: this.place.workspace,
      paths,
      ...(base && { base: await this.baseOf(base, objects) }),
      image,
      madeAt: this.now(),
    });
    if (found.isChanged) return this.keep(image, objects);
    return { ...found, contentDigest, manifestDigest: base?.manifestDigest ?? '' };
  }

  private async baseOf(tree: LayeredTree, objects: JobObjects): Promise<Required<SaveTree>['base']> {
    const { manifestDigest, contentDigest } = tree;
    return {
      manifest: await this.use(manifestDigest, objects),
      ...(contentDigest !== undefined && { contentDigest }),
      ...this.mountedAs(tree),
      ...(this.over !== undefined && { over: this.over }),
    };
  }

  private async keep(image: string, objects: JobObjects): Promise<KeptTree> {
    const manifest = `${image}.manifest`;
    const layer = await objects.putFile(image, { shared: true });
    const { contentDigest = '', ...saved } = await this.ask({ kind: 'describe', image, layer, manifest });
    const { digest } = await objects.putFile(manifest, { shared: true });
    this.layers.files.adopt(image, layer.digest);
    this.layers.files.adopt(manifest, digest);
    return { ...saved, contentDigest, manifestDigest: digest };
  }

  private newImage(): string {
    return this.layers.scratch(`${this.place.name}-${(this.saves += 1)}.image`);
  }

  private now(): number {
    return Math.floor(Date.parse(this.layers.clock.now()) / 1000);
  }

  private async ask(operation: LayerOperation): Promise<SavedTree> {
    return (await this.layers.perform(operation))!;
  }

  /** The workspace is what it was before anything was restored, where trees were mounted. */
  async close(): Promise<void> {
    if (this.overlay) {
      await unmountAll([this.place.workspace]);
      closeSync(this.overlay.below);
    }
    this.overlay = undefined;
    this.layers.mounted.stopUsing(this.restored.splice(0));
    for (const digest of this.files.splice(0)) this.layers.files.release(digest);
    await this.layers.perform({ kind: 'forget', into: this.place.workspace });
  }

  private mountedAs({ manifestDigest }: LayeredTree): Pick<Required<SaveTree>['base'], 'mounted'> {
    if (!this.overlay) return {};
    const { upper, base, trees } = this.overlay;
    const own = trees.get(manifestDigest);
    const at = base.findIndex((directory) => directory === own);
    const below = base.slice(at + 1).filter((directory) => directory !== own);
    return { mounted: { upper, above: base.slice(0, at), below } };
  }

  private async mount(
    trees: readonly LayeredTree[],
    different: LayeredTree | undefined,
    objects: JobObjects,
  ): Promise<boolean> {
    const { workspace } = this.place;
    const { mounted } = this.layers;
    const below = openSync(workspace, constants.O_DIRECTORY);
    try {
      const used = [...trees, ...layersOf(different)];
      const places = used.map((tree) => mounted.directoryOf(tree));
      const caches = places.slice(0, trees.length).toReversed();
      const differences = places.slice(trees.length).toReversed();
      // What lies there twice, two caches with the same content for example, is refused; only its upper place is seen.
      const lower = new Set([...differences, ...caches, workspace]);
      const [upper, work] = [this.changes('upper'), this.changes('work')];
      await mounted.use(used, overlayAt(workspace, [...lower], { upper, work }), objects);
      this.restored.push(...used);
      const seenAt = new Map(trees.map(({ manifestDigest }, n) => [manifestDigest, places[n]!]));
      this.overlay = { upper, base: [...caches, `/proc/self/fd/${below}`], below, trees: seenAt };
      return true;
    } catch (err) {
      closeSync(below);
      this.layers.logger.warn({ err }, 'a tree could not be mounted and is unpacked');
      return false;
    }
  }

  private changes(name: string): string {
    const directory = join(this.place.scratch, 'changes', name);
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    return directory;
  }

  /** Nothing is written before everything is there: what cannot be restored as a whole leaves nothing behind. */
  private async unpack(trees: readonly LayeredTree[], objects: JobObjects): Promise<void> {
    const here: { manifest: string; images: string[] }[] = [];
    for (const { manifestDigest, layers } of trees) {
      const manifest = await this.use(manifestDigest, objects);
      const images: string[] = [];
      for (const { digest } of layers) images.push(await this.use(digest, objects));
      here.push({ manifest, images });
    }
    for (const files of here) await this.layers.perform({ kind: 'unpack', ...files, into: this.place.workspace });
  }

  private async use(digest: string, objects: JobObjects): Promise<string> {
    const path = await this.layers.files.use(digest, objects);
    this.files.push(digest);
    return path;
  }
}

/** Differences hide what lies below all of them, so each of their layers lies upon everything by itself. */
const layersOf = (different: LayeredTree | undefined): LayeredTree[] =>
  (different?.layers ?? []).map((layer) => ({ manifestDigest: layer.digest, layers: [layer] }));
