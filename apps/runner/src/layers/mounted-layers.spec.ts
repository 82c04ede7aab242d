import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ObjectStore } from '@foldline/kernel';
import { openFileObjectStore } from '@foldline/object-store-files';
import { absent } from '@foldline/testing';
import { layersOf, openLayers, write } from './layers.fixture.ts';
import type { LayeredTree, MountedLayers } from './mounted-layers.ts';
import { imageAt, overlayAt, unmountAll, unmountLeftovers, type Mount } from './mounts.ts';
import type { TreeLayers } from './tree-layers.ts';

const MANY = 20;

const suite = (): void => {
  let directory: string;
  let objects: ObjectStore;
  let layers: TreeLayers;
  let mounted: MountedLayers;

  beforeEach(async () => {
    // What separates the fields of a mount table, or begins a comment in it.
    directory = mkdtempSync(join(tmpdir(), 'foldline mounted # '));
    objects = await openFileObjectStore({ directory: join(directory, 'objects') });
    layers = openLayers(directory, { mounts: true });
    mounted = layers.mounted;
  });
  afterEach(async () => {
    await layers.close();
    unmountLeftovers(directory);
    rmSync(directory, { recursive: true, force: true });
  });

  /** A tree of as many layers as there are texts, each of which is a file. */
  const treeOf = async (...texts: string[]): Promise<LayeredTree> => {
    const root = join(directory, `source-${texts.join('-')}`);
    const own = layersOf(layers, root);
    let base: LayeredTree | undefined;
    for (const text of texts) {
      write(root, `deps/${text}`, text);
      base = { ...(await own.save(['deps/'], base, objects)) };
    }
    await own.close();
    return base!;
  };
  const workspace = (name: string): string => {
    const path = join(directory, name);
    mkdirSync(path);
    return path;
  };
  const over = (at: string, trees: readonly LayeredTree[]): Mount =>
    overlayAt(at, [...trees.map((tree) => mounted.directoryOf(tree)), at]);
  const mountedBelow = (): string[] =>
    readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .filter((at) => at.startsWith(directory.replaceAll(' ', '\\040')));

  it('are seen by all who use them at the same time, each mounted once', async () => {
    const trees = [await treeOf('one'), await treeOf('two', 'three')];
    const places = Array.from({ length: 5 }, (_, n) => workspace(`place-${n}`));
    await Promise.all(places.map((at) => mounted.use(trees, over(at, trees), objects)));

    for (const at of places)
      expect(['one', 'two', 'three'].map((name) => readFileSync(join(at, 'deps', name), 'utf8'))).toEqual([
        'one',
        'two',
        'three',
      ]);
    // Three images, and two of them seen as one tree.
    expect(mountedBelow()).toHaveLength(3 + 1 + places.length);
  });

  it('are not mounted at all when one of them cannot be, and can be used afterwards', async () => {
    const trees = [await treeOf('one'), await treeOf('two', 'three')];
    const at = workspace('place');
    const impossible = imageAt(join(directory, 'no-image'), at);
    await expect(mounted.use(trees, impossible, objects)).rejects.toThrow('no-image');
    expect(mountedBelow()).toEqual([]);

    await mounted.use(trees, over(at, trees), objects);
    expect(existsSync(join(at, 'deps/three'))).toBe(true);
  });

  it('stay also when it is only now that somebody unmounts what an earlier process has told them to', async () => {
    const trees = [await treeOf('one'), await treeOf('two', 'three')];
    await mounted.use(trees, over(workspace('before'), trees), objects);
    const later = openLayers(directory, { mounts: true });
    const at = workspace('place');
    const { mounted: anew } = later;
    const places = trees.map((tree) => anew.directoryOf(tree));
    await anew.use(trees, overlayAt(at, [...places, at]), objects);
    await mounted.close();

    for (const [n, name] of ['one', 'three'].entries()) expect(existsSync(join(places[n]!, 'deps', name))).toBe(true);
    await unmountAll([at]);
    await later.close();
  });

  it('stay for those who use them next, as long as there are not many', async () => {
    const trees = await Promise.all(Array.from({ length: MANY }, (_, n) => treeOf(`file-${n}`)));
    for (const [n, tree] of trees.entries()) {
      const at = workspace(`place-${n}`);
      await mounted.use([tree], over(at, [tree]), objects);
      await unmountAll([at]);
      mounted.stopUsing([tree]);
    }
    // Waits for its turn behind what was unmounted.
    const at = workspace('last');
    await mounted.use([trees[0]!], over(at, [trees[0]!]), objects);

    expect(mountedBelow().length).toBeLessThan(MANY);
    expect(existsSync(join(mounted.directoryOf(trees.at(-1)!), 'deps'))).toBe(true);
    expect(readFileSync(join(at, 'deps/file-0'), 'utf8')).toBe('file-0');
  });
};

describe('Trees that are mounted', () => {
  if (process.platform === 'linux' && process.getuid?.() === 0) suite();
  else absent('the right to mount', { hint: 'needs root on Linux', problem: 'this host does not mount squashfs' });
});
