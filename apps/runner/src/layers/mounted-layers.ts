import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TreeLayer } from '@foldline/contracts';
import { Slots } from '@foldline/kernel';
import type { JobObjects } from '../storage/patient-stores.ts';
import type { LocalFiles } from './local-files.ts';
import { imageAt, mountAll, overlayAt, unmountAll, unmountLeftovers, type Mount } from './mounts.ts';
import { useAll } from './use-all.ts';

/** Mounts that nobody uses and that wait for the next who does. */
const MOST_IDLE = 16;
/** Each process has a directory of its own for them. */
const PLACES = 'mounted';
/** Enough of a digest to tell mounts apart; options of mounts are short. */
const NAME_LENGTH = 20;

/** `upon` names the mounts that it lies upon; an image lies upon none. */
type Part = { name: string; mount: Mount; upon: readonly string[] };

/** A tree that is to be seen somewhere. */
export type LayeredTree = { manifestDigest: string; contentDigest?: string; layers: readonly TreeLayer[] };

/** Trees of layers as read-only directories, each mounted once and shared by all who look at it. */
export class MountedLayers {
  /** In the order in which they were used last. */
  private readonly known = new Map<string, Part & { users: number }>();
  /** Whoever mounts or unmounts is alone, so that what is known is mounted. */
  private readonly turns = new Slots(1);
  private readonly directory: string;

  constructor(
    directory: string,
    private readonly files: LocalFiles,
  ) {
    unmountLeftovers(directory);
    removeEmpty(directory);
    // Whom an earlier process has told to mount or to unmount may do so only now, and finds nothing of this one's.
    this.directory = mkdtempSync(join(directory, PLACES));
  }

  /** Where a tree is seen by those who use it. */
  directoryOf(tree: LayeredTree): string {
    return this.place(nameOf(tree));
  }

  /** Mounts trees, which stay until they are not used any more, and `over` upon them: all of it, or nothing. */
  async use(trees: readonly LayeredTree[], over: Mount, objects: JobObjects): Promise<void> {
    const digests = [...new Set(trees.flatMap(({ layers }) => layers.map(({ digest }) => digest)))];
    const release = (digest: string): void => this.files.release(digest);
    const files = await useAll(digests, (digest) => this.files.use(digest, objects), release);
    try {
      const images = new Map(digests.map((digest, n) => [digest, files[n]!]));
      await this.turns.use(() => this.mount(trees, images, over));
    } finally {
      digests.forEach(release);
    }
  }

  stopUsing(trees: readonly LayeredTree[]): void {
    for (const tree of trees) this.letGo(nameOf(tree));
    if (this.idle().length > MOST_IDLE) void this.turns.use(() => this.endIdle()).catch(() => undefined);
  }

  /** Unmounts all of it, also what somebody uses. */
  async close(): Promise<void> {
    await this.turns.use(() => this.end([...this.known.values()])).catch(() => undefined);
  }

  private async mount(trees: readonly LayeredTree[], images: ReadonlyMap<string, string>, over: Mount): Promise<void> {
    const parts = new Map(trees.flatMap((tree) => this.partsOf(tree, images)).map((part) => [part.name, part]));
    const missing = [...parts.values()].filter(({ name }) => !this.known.has(name));
    await mountAll([...missing.map(({ mount }) => mount), over], join(this.directory, 'table'));
    for (const part of missing) {
      this.known.set(part.name, { ...part, users: 0 });
      if (part.upon.length === 0) this.files.hold(part.name);
      else part.upon.forEach((name) => this.hold(name));
    }
    trees.forEach((tree) => this.hold(nameOf(tree)));
  }

  /** What is to be mounted so that a tree can be seen, each behind what it lies upon. */
  private partsOf(tree: LayeredTree, images: ReadonlyMap<string, string>): Part[] {
    const layers = tree.layers.map(({ digest: name }): Part => ({
      name,
      mount: imageAt(images.get(name)!, this.place(name)),
      upon: [],
    }));
    if (layers.length === 1) return layers;
    const name = nameOf(tree);
    const lower = layers.map(({ mount }) => mount.at).toReversed();
    return [...layers, { name, mount: overlayAt(this.place(name), lower), upon: layers.map((layer) => layer.name) }];
  }

  private place(name: string): string {
    return join(this.directory, name.slice(0, NAME_LENGTH));
  }

  private hold(name: string): void {
    const held = this.known.get(name)!;
    held.users += 1;
    this.known.delete(name);
    this.known.set(name, held);
  }

  private letGo(name: string): void {
    const held = this.known.get(name);
    if (held) held.users -= 1;
  }

  private idle(): Part[] {
    return [...this.known.values()].filter(({ users }) => users === 0);
  }

  /** What lies upon others goes before them. */
  private async endIdle(): Promise<void> {
    for (let idle = this.idle(); idle.length > MOST_IDLE; idle = this.idle())
      await this.end(idle.slice(0, idle.length - MOST_IDLE));
  }

  private async end(parts: readonly Part[]): Promise<void> {
    for (const { name, upon } of parts) {
      this.known.delete(name);
      if (upon.length === 0) this.files.release(name);
      else upon.forEach((below) => this.letGo(below));
    }
    await unmountAll(parts.map(({ mount }) => mount.at));
  }
}

/** A tree of one layer is that layer. */
const nameOf = ({ manifestDigest, layers: [only, ...more] }: LayeredTree): string =>
  only && more.length === 0 ? only.digest : manifestDigest;

const removeEmpty = (directory: string): void => {
  for (const name of readdirSync(directory).filter((each) => each.startsWith(PLACES)))
    try {
      rmSync(join(directory, name), { recursive: true, force: true });
    } catch {
      // Something was mounted there only now; it cannot be written to, and goes with the next start.
    }
};
