import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TreeLayer } from '@foldline/contracts';
import type { JobObjects } from '../storage/patient-stores.ts';
import type { LocalFiles } from './local-files.ts';
import { mountImage, mountOverlay, unmount, unmountLeftovers } from './mounts.ts';
import { useAll } from './use-all.ts';

/** Mounts that nobody uses and that wait for the next who does. */
const MOST_IDLE = 16;
/** Enough of a digest to tell mounts apart; options of mounts are short. */
const NAME_LENGTH = 20;

type Mount = { at: Promise<string>; users: number; end: () => Promise<void> };

/** A tree that is to be seen somewhere. */
export type LayeredTree = { manifestDigest: string; contentDigest?: string; layers: readonly TreeLayer[] };

/** Trees of layers as read-only directories, each mounted once and shared by all who look at it. */
export class MountedLayers {
  /** In the order in which they were used last. */
  private readonly mounts = new Map<string, Mount>();
  private readonly directory: string;

  constructor(
    directory: string,
    private readonly files: LocalFiles,
  ) {
    this.directory = join(directory, 'mounted');
    unmountLeftovers(directory);
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
  }

  /** The directory with the tree, until it is released. */
  async use({ manifestDigest, layers }: LayeredTree, objects: JobObjects): Promise<string> {
    const [only, ...more] = layers;
    if (only && more.length === 0) return this.layer(only.digest, objects);
    return this.shared(manifestDigest, async (at) => {
      const giveBack = ({ digest }: TreeLayer): void => this.release(digest);
      const lower = await useAll(layers, ({ digest }) => this.layer(digest, objects), giveBack);
      const release = (): void => layers.forEach(giveBack);
      try {
        await mountOverlay(at, lower.toReversed());
      } catch (error) {
        release();
        throw error;
      }
      return release;
    });
  }

  stopUsing({ manifestDigest, layers }: LayeredTree): void {
    this.release(layers.length === 1 ? layers[0]!.digest : manifestDigest);
  }

  async close(): Promise<void> {
    // Trees are mounted upon layers, so they go first.
    for (const { at, end } of [...this.mounts.values()].toReversed())
      if (await at.catch(() => undefined)) await end().catch(() => undefined);
    this.mounts.clear();
  }

  private layer(digest: string, objects: JobObjects): Promise<string> {
    return this.shared(digest, async (at) => {
      const image = await this.files.use(digest, objects);
      try {
        await mountImage(image, at);
      } catch (error) {
        this.files.release(digest);
        throw error;
      }
      return () => this.files.release(digest);
    });
  }

  private async shared(name: string, mount: (at: string) => Promise<() => void>): Promise<string> {
    const known = this.mounts.get(name);
    const used = known ?? this.begin(name, mount);
    used.users += 1;
    this.mounts.delete(name);
    this.mounts.set(name, used);
    try {
      return await used.at;
    } catch (error) {
      if (this.mounts.get(name) === used) this.mounts.delete(name);
      throw error;
    }
  }

  private begin(name: string, mount: (at: string) => Promise<() => void>): Mount {
    const at = join(this.directory, name.slice(0, NAME_LENGTH));
    let release = (): void => undefined;
    const mounted = mount(at).then((given) => {
      release = given;
      return at;
    });
    return {
      at: mounted,
      users: 0,
      end: async () => {
        await unmount(at);
        release();
      },
    };
  }

  private release(name: string): void {
    this.mounts.get(name)!.users -= 1;
    const idle = [...this.mounts].filter(([, { users }]) => users === 0);
    for (const [other, { end }] of idle.slice(0, Math.max(0, idle.length - MOST_IDLE))) {
      this.mounts.delete(other);
      void end().catch(() => undefined);
    }
  }
}
