import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { array, assert, asyncProperty, constantFrom, record } from 'fast-check';
import type { ObjectStore } from '@foldline/kernel';
import { openFileObjectStore } from '@foldline/object-store-files';
import { absent } from '@foldline/testing';
import { changeSomething, layersOf, openLayers, seen, write } from './layers.fixture.ts';
import type { TreeLayers } from './tree-layers.ts';
import type { KeptTree, WorkspaceLayers } from './workspace-layers.ts';

const PATHS = ['deps/'];
/** Of what was changed a tick ago it is known that its time has not come again. */
const LONGER_THAN_A_TICK_MS = 30;

let mounts = false;
let directory: string;
let objects: ObjectStore;
let layers: TreeLayers;
let places = 0;
const open: WorkspaceLayers[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-again-'));
  objects = await openFileObjectStore({ directory: join(directory, 'objects') });
  layers = openLayers(directory, { mounts });
});
const closeAll = async (): Promise<void> => {
  for (const workspace of open.splice(0)) await workspace.close();
};
afterEach(async () => {
  await closeAll();
  await layers.close();
  rmSync(directory, { recursive: true, force: true });
});

type Place = { path: string; layers: WorkspaceLayers };

const place = (): Place => {
  const path = join(directory, `place-${(places += 1)}`);
  mkdirSync(path);
  const own = layersOf(layers, path);
  open.push(own);
  return { path, layers: own };
};

const saved = async (make: (root: string) => void): Promise<KeptTree> => {
  const from = place();
  make(from.path);
  return from.layers.save(PATHS, undefined, objects);
};

/** A checkout that has files in the directories of the cache, with the trees in it. */
const restored = async (trees: KeptTree[]): Promise<Place> => {
  const to = place();
  write(to.path, 'deps/a/own.js', 'of the repository');
  await to.layers.restore(trees, objects);
  return to;
};

const dependenciesIn = (root: string): Record<string, string> => seen(join(root, 'deps'));

const expectSaved = async (from: Place, base: KeptTree): Promise<KeptTree> => {
  const tree = await from.layers.save(PATHS, base, objects);
  if (tree.files === 0) return base;
  const to = place();
  await to.layers.restore([tree], objects);
  expect(dependenciesIn(to.path)).toEqual(dependenciesIn(from.path));
  expect(tree.contentDigest).toBe((await from.layers.save(PATHS, undefined, objects)).contentDigest);
  return tree;
};

const suite = (): void => {
  it('has the file that is seen where another cache has one of the same name', async () => {
    const below = await saved((root) => write(root, 'deps/a/one.js', 'one'));
    const above = await saved((root) => write(root, 'deps/a/one.js', 'two'));
    const now = await restored([below, above]);
    write(now.path, 'deps/new');

    await expectSaved(now, below);
    await expectSaved(now, above);
  });

  it('has what is there, whatever was changed since it was restored', async () => {
    const path = constantFrom(
      'deps/a',
      'deps/a/one.js',
      'deps/a/own.js',
      'deps/a/new',
      'deps/b',
      'deps/b/deep',
      'deps/b/deep/three.js',
      'deps/b/deep/other.js',
      'deps/c/x/y',
      'deps/link',
    );
    const change = record({
      kind: constantFrom('write', 'append', 'remove', 'directory', 'mode', 'pause', 'save', 'job'),
      path,
    });
    const other = await saved((root) => write(root, 'deps/b/deep/other.js', 'of another cache'));
    const first = await saved((root) => {
      write(root, 'deps/a/one.js', 'one');
      write(root, 'deps/a/two.js', 'two');
      write(root, 'deps/b/deep/three.js', 'three');
      symlinkSync('a/one.js', join(root, 'deps/link'));
    });
    await assert(
      asyncProperty(array(change, { maxLength: 25 }), async (changes) => {
        await closeAll();
        let base = first;
        let now = await restored([base, other]);
        for (const { kind, path: at } of changes) {
          if (kind === 'save') await expectSaved(now, base);
          else if (kind === 'pause') await sleep(LONGER_THAN_A_TICK_MS);
          else if (kind === 'job') {
            base = await expectSaved(now, base);
            now = await restored([base, other]);
          } else changeSomething(now.path, kind, at, `${places} ${at}`);
        }
        await expectSaved(now, base);
      }),
      { numRuns: 30 },
    );
  }, 120_000);
};

describe('A cache that is saved again, unpacked', () => {
  beforeAll(() => {
    mounts = false;
  });
  suite();
});

describe('A cache that is saved again, mounted', () => {
  beforeAll(() => {
    mounts = true;
  });
  if (process.platform === 'linux' && process.getuid?.() === 0) suite();
  else absent('the right to mount', { hint: 'needs root on Linux', problem: 'this host does not mount squashfs' });
});
