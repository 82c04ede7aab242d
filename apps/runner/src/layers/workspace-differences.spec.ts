import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { hash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { array, assert, asyncProperty, constantFrom, record } from 'fast-check';
import { composeTrees, parseLayered, type LayeredEntry } from '@foldline/contracts';
import type { ObjectStore } from '@foldline/kernel';
import { openFileObjectStore } from '@foldline/object-store-files';
import { absent } from '@foldline/testing';
import { changeSomething, layersOf, openLayers, seen, write } from './layers.fixture.ts';
import type { TreeLayers } from './tree-layers.ts';
import type { KeptTree, WorkspaceLayers } from './workspace-layers.ts';

/** Of what was changed a tick ago it is known that its time has not come again. */
const LONGER_THAN_A_TICK_MS = 30;

let mounts = false;
let directory: string;
let objects: ObjectStore;
let layers: TreeLayers;
let cache: KeptTree;
let places = 0;
const open: WorkspaceLayers[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-differences-'));
  objects = await openFileObjectStore({ directory: join(directory, 'objects') });
  layers = openLayers(directory, { mounts });
  const from = place();
  write(from.path, 'deps/a/one.js', 'one');
  write(from.path, 'deps/a/two.js', 'two');
  cache = await from.layers.save(['deps/'], undefined, objects);
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

const CHECKOUT = {
  '.git/HEAD': 'ref: refs/heads/main',
  'src/main.ts': 'main',
  'src/deep/er/other.ts': 'other',
  'README.md': 'read me',
};
const checkedOut = (): Place => {
  const to = place();
  for (const [path, text] of Object.entries(CHECKOUT)) write(to.path, path, text);
  return to;
};

/** A workspace with the checkout, the cache and what an earlier attempt had changed. */
const attempt = async (different?: KeptTree): Promise<Place> => {
  const to = checkedOut();
  await to.layers.restore([cache], objects, different ? { different } : {});
  return to;
};

const snapshot = async (from: Place): Promise<KeptTree> => (await from.layers.differences(objects))!;

const expectResumed = async (from: Place, different: KeptTree): Promise<Place> => {
  const next = await attempt(different);
  expect(seen(next.path)).toEqual(seen(from.path));
  expect(await composed(different)).toEqual(withDigests(seen(from.path)));
  return next;
};

/** What people get who have the checkout: the trees put together by their manifests alone. */
const composed = async (different: KeptTree): Promise<Record<string, string>> => {
  const manifestOf = async ({ manifestDigest }: KeptTree) => parseLayered((await objects.read(manifestDigest))!);
  const { entries, gone } = composeTrees([await manifestOf(cache), await manifestOf(different)]);
  const there = new Map(Object.entries(withDigests(seen(checkedOut().path))));
  const removeBelow = (path: string): void => {
    for (const other of there.keys()) if (other.startsWith(`${path}/`)) there.delete(other);
  };
  for (const path of gone) {
    removeBelow(path);
    there.delete(path);
  }
  for (const { entry } of entries) {
    if (entry.kind !== 'dir') removeBelow(entry.path);
    there.set(entry.path, textOf(entry));
  }
  return Object.fromEntries(there);
};

const textOf = (entry: LayeredEntry): string => {
  if (entry.kind === 'link') return `-> ${entry.target}`;
  const mode = entry.mode.toString(8);
  return entry.kind === 'dir' ? `directory ${mode}` : `${mode} ${entry.digest}`;
};

const withDigests = (found: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(found).map(([path, text]) => {
      const file = /^(\d+) (.*)$/s.exec(text);
      return [path, file ? `${file[1]} ${hash('sha256', file[2]!)}` : text];
    }),
  );

const suite = (): void => {
  it('is nothing when nothing was changed', async () => {
    expect(await snapshot(await attempt())).toBeUndefined();
  });

  it('is only what was changed, without what the checkout and caches give', async () => {
    const from = await attempt();
    write(from.path, 'out/made');

    expect(await snapshot(from)).toMatchObject({ files: 1, bytes: 8 });
  });

  it.each<[string, (root: string) => void]>([
    ['a new file', (root) => write(root, 'out/made')],
    ['a changed file of the repository', (root) => write(root, 'src/main.ts', 'changed')],
    ['a changed file of a cache', (root) => write(root, 'deps/a/one.js', 'changed')],
    ['a removed file of the repository', (root) => rmSync(join(root, 'README.md'))],
    ['a removed file of a cache', (root) => rmSync(join(root, 'deps/a/one.js'))],
    ['a removed directory', (root) => rmSync(join(root, 'src'), { recursive: true })],
    [
      'everything removed',
      (root) => readdirSync(root).forEach((name) => rmSync(join(root, name), { recursive: true })),
    ],
    ['a file that may be run', (root) => chmodSync(join(root, 'src/main.ts'), 0o755)],
    ['a directory that is entered otherwise', (root) => chmodSync(join(root, 'src/deep'), 0o700)],
    ['an empty directory', (root) => mkdirSync(join(root, 'out'))],
    ['a link to anywhere', (root) => symlinkSync('/usr/bin/env', join(root, 'env'))],
    ['a changed history', (root) => write(root, '.git/HEAD', 'ref: refs/heads/other')],
    ['names that differ in case only', (root) => ['a', 'A'].forEach((name) => write(root, `out/${name}`))],
    [
      'a file where a directory was',
      (root) => {
        rmSync(join(root, 'src/deep'), { recursive: true });
        write(root, 'src/deep', 'now a file');
      },
    ],
    [
      'a directory where a file was',
      (root) => {
        rmSync(join(root, 'README.md'));
        write(root, 'README.md/inside', 'now a directory');
      },
    ],
    [
      'a directory that was made anew with less in it',
      (root) => {
        rmSync(join(root, 'deps'), { recursive: true });
        write(root, 'deps/a/new.js', 'new');
      },
    ],
  ])('comes back on another runner with %s', async (_what, change) => {
    const from = await attempt();
    change(from.path);

    await expectResumed(from, await snapshot(from));
  });

  it('names all that lay in a directory that is a file now, for tools that put a file in the place of empty ones only', async () => {
    const from = await attempt();
    rmSync(join(from.path, 'src/deep'), { recursive: true });
    write(from.path, 'src/deep', 'now a file');
    const { manifestDigest } = await snapshot(from);
    const { gone } = parseLayered((await objects.read(manifestDigest))!);

    expect(gone).toEqual(['src/deep/er', 'src/deep/er/other.ts']);
  });

  it('grows from step to step, and each step stores what is new', async () => {
    const from = await attempt();
    write(from.path, 'out/one', 'x'.repeat(100_000));
    const first = await snapshot(from);
    write(from.path, 'out/two', 'small');
    rmSync(join(from.path, 'README.md'));
    const second = await snapshot(from);

    expect(second.layers.slice(0, 1)).toEqual(first.layers);
    expect(second.layers[1]).toMatchObject({ content: 5 });
    await expectResumed(from, second);
  });

  it('keeps of a directory what is there when a step removes what another has changed in it', async () => {
    const from = await attempt();
    write(from.path, 'deps/a/one.js', 'changed');
    await snapshot(from);
    rmSync(join(from.path, 'deps/a'), { recursive: true });

    await expectResumed(from, await snapshot(from));
  });

  it('has no more what one step has made and the next has removed', async () => {
    const from = await attempt();
    write(from.path, 'out/made');
    await snapshot(from);
    rmSync(join(from.path, 'out'), { recursive: true });

    await expectResumed(from, await snapshot(from));
  });

  it('has a directory again that an earlier attempt had removed', async () => {
    const from = await attempt();
    rmSync(join(from.path, 'deps/a'), { recursive: true });
    const next = await attempt(await snapshot(from));
    mkdirSync(join(next.path, 'deps/a'));

    await expectResumed(next, await snapshot(next));
  });

  it('is nothing of what one cache has put in the place of another’s', async () => {
    const from = place();
    write(from.path, 'deps/a', 'a file where the other has a directory');
    const other = await from.layers.save(['deps/'], undefined, objects);
    const to = checkedOut();
    await to.layers.restore([cache, other], objects, {});

    expect(await to.layers.differences(objects)).toBeUndefined();
    write(to.path, 'out/one');
    expect(await to.layers.differences(objects)).toMatchObject({ files: 1 });
  });

  it('has a directory again that an earlier step had removed', async () => {
    const from = await attempt();
    rmSync(join(from.path, 'src'), { recursive: true });
    await snapshot(from);
    mkdirSync(join(from.path, 'src'));

    await expectResumed(from, await snapshot(from));
  });

  it('is the same as before when a step changed nothing', async () => {
    const from = await attempt();
    write(from.path, 'out/one');
    const first = await snapshot(from);

    expect(await snapshot(from)).toEqual(first);
  });

  it('goes on from what an earlier attempt had', async () => {
    const from = await attempt();
    write(from.path, 'out/one');
    write(from.path, 'out/gone');
    rmSync(join(from.path, 'src/main.ts'));
    const next = await expectResumed(from, await snapshot(from));
    write(next.path, 'out/two');
    write(next.path, 'src/main.ts', 'again');
    rmSync(join(next.path, 'out/gone'));
    const last = await expectResumed(next, await snapshot(next));

    expect(existsSync(join(last.path, 'out/gone'))).toBe(false);
  });

  it('leaves what a cache saves to what is in the workspace, whoever had changed it', async () => {
    const from = await attempt();
    write(from.path, 'deps/a/one.js', 'eno');
    const next = await attempt(await snapshot(from));
    const saved = await next.layers.save(['deps/'], cache, objects);
    const to = place();
    await to.layers.restore([saved], objects);

    expect(seen(to.path)['deps/a/one.js']).toBe('644 eno');
  });

  it('leaves out of a cache what an earlier attempt had removed of it', async () => {
    const from = await attempt();
    rmSync(join(from.path, 'deps/a/one.js'));
    const next = await attempt(await snapshot(from));
    const saved = await next.layers.save(['deps/'], cache, objects);
    const to = place();
    await to.layers.restore([saved], objects);

    expect(Object.keys(seen(to.path))).toEqual(['deps', 'deps/a', 'deps/a/two.js']);
  });

  it('comes back as it was, whatever was done in whatever order', async () => {
    const path = constantFrom(
      'src',
      'src/main.ts',
      'src/deep/er/other.ts',
      'deps/a',
      'deps/a/one.js',
      'out',
      'out/x',
      'out/x/y',
      'z',
    );
    const change = record({
      kind: constantFrom('write', 'append', 'remove', 'directory', 'mode', 'pause', 'snapshot', 'resume'),
      path,
    });
    await assert(
      asyncProperty(array(change, { maxLength: 25 }), async (changes) => {
        await closeAll();
        let now = await attempt();
        let last: KeptTree | undefined;
        for (const { kind, path: at } of changes) {
          if (kind === 'snapshot' || kind === 'resume') last = (await now.layers.differences(objects)) ?? last;
          if (kind === 'resume') now = last ? await expectResumed(now, last) : await attempt();
          else if (kind === 'pause') await sleep(LONGER_THAN_A_TICK_MS);
          else changeSomething(now.path, kind, at, `${places} ${at}`);
        }
        last = (await now.layers.differences(objects)) ?? last;
        if (last) await expectResumed(now, last);
      }),
      { numRuns: 30 },
    );
  }, 120_000);
};

describe('What is different in a workspace that is unpacked', () => {
  beforeAll(() => {
    mounts = false;
  });
  suite();

  // Where trees are mounted no directory of them is renamed as a whole.
  it.each<[string, (root: string) => void]>([
    [
      'a link in the place of a directory, to where that is now',
      (root) => {
        renameSync(join(root, 'src'), join(root, 'moved'));
        symlinkSync('moved', join(root, 'src'));
      },
    ],
    [
      'a link to itself in the place of a directory',
      (root) => {
        rmSync(join(root, 'src'), { recursive: true });
        symlinkSync('src', join(root, 'src'));
      },
    ],
    [
      'directories that have changed places',
      (root) => {
        renameSync(join(root, 'src'), join(root, 'between'));
        renameSync(join(root, 'deps'), join(root, 'src'));
        renameSync(join(root, 'between'), join(root, 'deps'));
      },
    ],
    ['a directory that was moved into another', (root) => renameSync(join(root, 'src'), join(root, 'deps/a/src'))],
  ])('comes back on another runner with %s', async (_what, change) => {
    const from = await attempt();
    change(from.path);

    await expectResumed(from, await snapshot(from));
  });

  it('is found among thousands of files', async () => {
    const from = await attempt();
    for (let n = 0; n < 3_000; n += 1) write(from.path, `out/${n % 50}/${n}`);
    await snapshot(from);
    write(from.path, 'out/7/new');
    write(from.path, 'out/8/8', 'changed');
    rmSync(join(from.path, 'out/9/9'));
    const next = await expectResumed(from, await snapshot(from));
    write(next.path, 'out/49/49', 'changed');
    const changed = await snapshot(next);

    expect(changed.layers.at(-1)).toMatchObject({ content: 7 });
    await expectResumed(next, changed);
  });
});

describe('What is different in a workspace that is mounted', () => {
  beforeAll(() => {
    mounts = true;
  });
  if (process.platform === 'linux' && process.getuid?.() === 0) suite();
  else absent('the right to mount', { hint: 'needs root on Linux', problem: 'this host does not mount squashfs' });
});
