import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MOST_LAYERS } from '@foldline/contracts';
import type { ObjectStore } from '@foldline/kernel';
import { openFileObjectStore } from '@foldline/object-store-files';
import { absent } from '@foldline/testing';
import { layersOf, openLayers, seen, write } from './layers.fixture.ts';
import type { TreeLayers } from './tree-layers.ts';
import type { KeptTree, WorkspaceLayers } from './workspace-layers.ts';

const PATHS = ['deps/'];

let mounts = false;
let directory: string;
let objects: ObjectStore;
let layers: TreeLayers;
let places = 0;
const open: WorkspaceLayers[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-layers-'));
  objects = await openFileObjectStore({ directory: join(directory, 'objects') });
  layers = openLayers(directory, { mounts });
});
afterEach(async () => {
  for (const workspace of open.splice(0)) await workspace.close();
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

const save = (from: Place, base?: KeptTree, paths = PATHS): Promise<KeptTree> => from.layers.save(paths, base, objects);

const restored = async (...trees: KeptTree[]): Promise<Place> => {
  const to = place();
  await to.layers.restore(trees, objects);
  return to;
};

const SAMPLE = (root: string): void => {
  write(root, 'deps/a/one.js', 'one');
  write(root, 'deps/a/two.js', 'two');
  write(root, 'deps/b/deep/er/three.js', 'three');
  write(root, 'deps/größe 😀', 'four');
  write(root, 'deps/empty', '');
  mkdirSync(join(root, 'deps/none'));
  symlinkSync('a/one.js', join(root, 'deps/link'));
  chmodSync(join(root, 'deps/a/two.js'), 0o750);
  write(root, 'other', 'not meant');
};

const sample = async (): Promise<KeptTree> => {
  const from = place();
  SAMPLE(from.path);
  return save(from);
};

const suite = (): void => {
  it('comes back as it was', async () => {
    const from = place();
    SAMPLE(from.path);
    const { path } = await restored(await save(from));

    rmSync(join(from.path, 'other'));
    expect(seen(path)).toEqual(seen(from.path));
  });

  it('has the times of its files, by which tools know what is up to date', async () => {
    const from = place();
    write(from.path, 'deps/a');
    utimesSync(join(from.path, 'deps/a'), 1_000_000_000, 1_000_000_000);
    const { path } = await restored(await save(from));

    expect(lstatSync(join(path, 'deps/a')).mtimeMs).toBe(1_000_000_000_000);
  });

  it('lies over what is there already', async () => {
    const tree = await sample();
    const to = place();
    write(to.path, 'deps/a/one.js', 'of the repository');
    write(to.path, 'deps/a/own.js', 'own');
    await to.layers.restore([tree], objects);

    expect(seen(to.path)).toMatchObject({ 'deps/a/one.js': '644 one', 'deps/a/own.js': '644 own' });
  });

  it('is never written through a link that lies in its place', async () => {
    const tree = await sample();
    const to = place();
    const elsewhere = join(directory, 'elsewhere');
    mkdirSync(elsewhere);
    symlinkSync(elsewhere, join(to.path, 'deps'));
    await to.layers.restore([tree], objects);
    write(to.path, 'deps/a/new.js', 'new');

    expect(readdirSync(elsewhere)).toEqual([]);
    expect(readFileSync(join(to.path, 'deps/a/one.js'), 'utf8')).toBe('one');
  });

  it('lies beside others, and over those before it', async () => {
    const [one, two] = [place(), place()];
    write(one.path, 'deps/a', 'one');
    write(one.path, 'deps/b', 'one');
    write(two.path, 'deps/b', 'two');
    const { path } = await restored(await save(one), await save(two));

    expect(seen(path)).toMatchObject({ 'deps/a': '644 one', 'deps/b': '644 two' });
  });

  it('is mounted also when two of what a job restores are one and the same', async () => {
    const one = await sample();
    const to = await restored(one, one);
    expect(readFileSync('/proc/self/mounts', 'utf8').includes(` ${to.path} `)).toBe(mounts);
    expect(readFileSync(join(to.path, 'deps/a/one.js'), 'utf8')).toBe('one');
  });

  it('has one content digest for the same files, whenever they were made and in however many layers', async () => {
    const tree = await sample();
    const changed = await restored(tree);
    write(changed.path, 'deps/new');
    const second = await save(changed, tree);
    const third = await restored(second);
    rmSync(join(third.path, 'deps/new'));
    const back = await save(third, second);

    expect(back.layers).toHaveLength(3);
    expect(back.contentDigest).toBe(tree.contentDigest);
    expect((await sample()).contentDigest).toBe(tree.contentDigest);
  });

  it('is what it was when nothing has changed, and nothing is kept anew', async () => {
    const tree = await sample();
    const again = await save(await restored(tree), tree);

    expect({ again: again.manifestDigest, isChanged: again.isChanged }).toEqual({
      again: tree.manifestDigest,
      isChanged: false,
    });
  });

  it('is what it was when files were only touched', async () => {
    const tree = await sample();
    const to = await restored(tree);
    utimesSync(join(to.path, 'deps/a/one.js'), new Date(), new Date());

    expect(await save(to, tree)).toMatchObject({ manifestDigest: tree.manifestDigest, isChanged: false });
  });

  describe.each<[string, (root: string) => void]>([
    ['a file has more in it', (root) => appendFileSync(join(root, 'deps/a/one.js'), '!')],
    ['a file has something else of the same length in it', (root) => write(root, 'deps/a/one.js', 'eno')],
    ['a file may be run', (root) => chmodSync(join(root, 'deps/a/one.js'), 0o755)],
    ['a file is new', (root) => write(root, 'deps/c/new/file')],
    ['a directory is new', (root) => mkdirSync(join(root, 'deps/c'))],
    ['a directory is entered otherwise', (root) => chmodSync(join(root, 'deps/a'), 0o700)],
    ['a link leads elsewhere', (root) => relink(root, 'deps/link', 'a/two.js')],
    ['a file is gone', (root) => rmSync(join(root, 'deps/a/one.js'))],
    ['a directory is gone', (root) => rmSync(join(root, 'deps/b'), { recursive: true })],
    ['a file is a directory', (root) => replace(root, 'deps/a/one.js', () => write(root, 'deps/a/one.js/inside'))],
    ['a directory is a file', (root) => replace(root, 'deps/b', () => write(root, 'deps/b'))],
    ['a file is a link', (root) => replace(root, 'deps/a/one.js', () => relink(root, 'deps/a/one.js', 'two.js'))],
    ['a directory was removed and made anew', (root) => replace(root, 'deps/a', () => mkdirSync(join(root, 'deps/a')))],
    ['a directory has the place of another', (root) => swap(root, 'deps/a', 'deps/b')],
    ['a directory is reached through a link', (root) => elsewhere(root, 'deps/a')],
    ['a directory was made anew with the same names', (root) => replace(root, 'deps/a', () => sameNames(root))],
    ['a directory was made anew', (root) => replace(root, 'deps/a', () => write(root, 'deps/a/one.js', 'anew'))],
    ['everything was made anew', (root) => replace(root, 'deps', () => SAMPLE(root))],
    ['a file has the place of another', (root) => renameSync(join(root, 'deps/a/one.js'), join(root, 'deps/a/two.js'))],
  ])('when %s', (_what, change) => {
    it('comes back with that change', async () => {
      const tree = await sample();
      const to = await restored(tree);
      change(to.path);
      const second = await save(to, tree);
      const { path } = await restored(second);
      rmSync(join(to.path, 'other'), { force: true });

      expect(seen(path)).toEqual(seen(to.path));
      expect(seen((await restored(tree)).path)).not.toHaveProperty('deps/c');
    });
  });

  it('shares with an earlier one what is the same', async () => {
    const from = place();
    write(from.path, 'deps/large', 'x'.repeat(2_000_000));
    const tree = await save(from);
    const to = await restored(tree);
    write(to.path, 'deps/small', 'y');
    const second = await save(to, tree);

    expect(second.layers.slice(0, 1)).toEqual(tree.layers);
    expect(second.layers[1]).toMatchObject({ content: 1 });
  });

  it('is packed anew as one layer when it has become many', async () => {
    let tree = await sample();
    for (let n = 0; n < MOST_LAYERS; n += 1) {
      const to = await restored(tree);
      write(to.path, `deps/new-${n}`);
      tree = await save(to, tree);
    }
    const { path } = await restored(tree);

    expect(tree.layers).toHaveLength(1);
    expect(existsSync(join(path, `deps/new-0`))).toBe(true);
    expect(tree.files).toBe(5 + MOST_LAYERS);
  });

  it('is packed anew when most of what its layers have is not needed any more', async () => {
    const from = place();
    write(from.path, 'deps/large', 'x'.repeat(100_000));
    const tree = await save(from);
    const to = await restored(tree);
    write(to.path, 'deps/large', 'small');
    const second = await save(to, tree);
    const last = await restored(second);
    write(last.path, 'deps/other', 'small');

    expect((await save(last, second)).layers).toHaveLength(1);
  });

  it('has what its own paths name, also when its base had more', async () => {
    const tree = await sample();
    const { files, contentDigest } = await save(await restored(tree), tree, ['deps/a/']);
    const from = place();
    SAMPLE(from.path);

    expect(files).toBe(2);
    expect(contentDigest).toBe((await save(from, undefined, ['deps/a/'])).contentDigest);
  });

  it('has what the repository and other trees have in its directories', async () => {
    const tree = await sample();
    const from = place();
    write(from.path, 'deps/b/deep/beside');
    const other = await save(from);
    const to = place();
    write(to.path, 'deps/a/own.js');
    await to.layers.restore([tree, other], objects);
    write(to.path, 'deps/new');
    const { path } = await restored(await save(to, tree));

    expect(seen(path)).toEqual(seen(to.path));
  });

  it('lies where the repository has a file in the place of a directory', async () => {
    const tree = await sample();
    const to = place();
    write(to.path, 'deps', 'a file of the repository');
    await to.layers.restore([tree], objects);
    write(to.path, 'deps/new');
    const { path } = await restored(await save(to, tree));

    expect(seen(path)).toEqual(seen(to.path));
  });

  it('hides nothing of the repository that an earlier layer has had no more', async () => {
    const tree = await sample();
    const to = await restored(tree);
    rmSync(join(to.path, 'deps/a/one.js'));
    const second = await save(to, tree);
    const next = place();
    write(next.path, 'deps/a/one.js', 'of the repository');
    await next.layers.restore([second], objects);

    expect(seen(next.path)).toMatchObject({ 'deps/a/one.js': '644 of the repository', 'deps/a/two.js': '750 two' });
  });

  it('is not kept where there are no files', async () => {
    expect(await save(place())).toMatchObject({ files: 0, isChanged: false, unmatched: PATHS });
    expect(readdirSync(join(directory, 'runners/layers/files'))).toEqual([]);
  });

  it('leaves the workspace as it was once it is closed, where it was mounted', async () => {
    const to = await restored(await sample());
    await to.layers.close();

    expect(existsSync(join(to.path, 'deps/a/one.js'))).toBe(!mounts);
  });

  it('is fetched by a runner that has never seen it', async () => {
    const tree = await sample();
    await layers.close();
    rmSync(join(directory, 'runners'), { recursive: true });
    layers = openLayers(directory, { mounts });

    expect(seen((await restored(tree)).path)).toMatchObject({ 'deps/a/one.js': '644 one' });
  });

  it('is refused when its bytes are not what was stored', async () => {
    const tree = await sample();
    await layers.close();
    rmSync(join(directory, 'runners'), { recursive: true });
    const { digest } = tree.layers[0]!;
    const object = join(directory, 'objects/sha256', digest.slice(0, 2), digest);
    chmodSync(object, 0o600);
    appendFileSync(object, 'more');
    layers = openLayers(directory, { mounts });

    await expect(restored(tree)).rejects.toThrow();
  });
};

const replace = (root: string, path: string, make: () => void): void => {
  rmSync(join(root, path), { recursive: true });
  make();
};
const move = (from: string, to: string): void => void execFileSync('mv', [from, to]);
const swap = (root: string, one: string, other: string): void => {
  move(join(root, one), join(root, 'between'));
  move(join(root, other), join(root, one));
  move(join(root, 'between'), join(root, other));
};
/** The same files, by the same inodes where that is possible. */
const elsewhere = (root: string, path: string): void => {
  move(join(root, path), `${root}.elsewhere`);
  symlinkSync(`${root}.elsewhere`, join(root, path));
};
const sameNames = (root: string): void => {
  write(root, 'deps/a/one.js', 'anew');
  write(root, 'deps/a/two.js', 'anew');
};
const relink = (root: string, path: string, target: string): void => {
  rmSync(join(root, path), { force: true });
  symlinkSync(target, join(root, path));
};

describe('A tree of layers that is unpacked', () => {
  beforeAll(() => {
    mounts = false;
  });
  suite();
});

describe('A tree of layers that is mounted', () => {
  beforeAll(() => {
    mounts = true;
  });
  if (process.platform === 'linux' && process.getuid?.() === 0) suite();
  else absent('the right to mount', { hint: 'needs root on Linux', problem: 'this host does not mount squashfs' });
});
