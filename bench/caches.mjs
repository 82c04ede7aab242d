import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFileObjectStore } from '@foldline/object-store-files';
import { TreeLayers } from '../apps/runner/dist/layers/tree-layers.js';
import { WorkspaceLayers } from '../apps/runner/dist/layers/workspace-layers.js';
import { figure, ms, percentile } from './lib/figures.mjs';
import { changeSome, makeTree } from './lib/tree.mjs';

const TREE = { files: 30_000, bytes: 300_000_000 };
const ROUNDS = 5;
const PATHS = ['node_modules/'];
const clock = { now: () => new Date().toISOString(), monotonic: () => performance.now() };
const nothing = () => undefined;
const logger = {
  debug: nothing,
  info: nothing,
  warn: (fields, message) => console.warn(message, fields),
  error: nothing,
};

const timed = async (work) => {
  const began = performance.now();
  await work();
  return performance.now() - began;
};

/** Nothing that was written waits for the disk while something else is measured. */
const settle = () => execFileSync('sync');
/** What is to be saved lies in memory for everybody: a system may take from it what was not read for a while. */
const warm = (directory) => spawnSync('bash', ['-c', 'tar -cf - . | cat >/dev/null'], { cwd: directory });

class Bench {
  directory = mkdtempSync(join(tmpdir(), 'foldline-caches-'));
  source = join(this.directory, 'source');
  names = 0;

  async open() {
    this.paths = makeTree(this.source, TREE);
    settle();
  }

  /** A runner of a host on which nothing was restored before. */
  async host(mounts) {
    const directory = join(this.directory, `host-${(this.names += 1)}`);
    const objects = await openFileObjectStore({ directory: join(directory, 'objects') });
    const layers = new TreeLayers({ directory, settings: { mounts, diskBytes: 2 ** 34 }, clock, logger });
    const workspace = (path = this.fresh()) =>
      Object.assign(
        new WorkspaceLayers(layers, { workspace: path, scratch: this.fresh(), name: `job-${this.names}` }, true),
        { path },
      );
    return {
      objects,
      layers,
      workspace,
      end: async () => {
        await layers.close();
        rmSync(directory, { recursive: true });
      },
    };
  }

  fresh() {
    const path = join(this.directory, `place-${(this.names += 1)}`);
    mkdirSync(path);
    return path;
  }

  close() {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const peers = (bench) => {
  const archive = join(bench.directory, 'peer.tar.zst');
  const shell = (command) =>
    spawnSync('bash', ['-c', `set -o pipefail; ${command}`], { cwd: bench.directory }).status === 0;
  if (!shell('zstd --version && tar --version')) return undefined;
  const saves = [];
  const restores = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    rmSync(archive, { force: true });
    settle();
    warm(bench.source);
    let began = performance.now();
    // What is stored is on the disk when that is said, there and here.
    shell(`tar -C source -cf - node_modules | zstd -q -1 -T0 -o ${archive} && sync ${archive}`);
    saves.push(performance.now() - began);
    const into = bench.fresh();
    settle();
    began = performance.now();
    shell(`zstd -q -d -c ${archive} | tar -C ${into} -xf -`);
    restores.push(performance.now() - began);
    rmSync(into, { recursive: true });
  }
  return { save: percentile(saves), restore: percentile(restores) };
};

const ours = async (bench, mounts) => {
  const took = { save: [], restore: [], again: [] };
  const digests = new Set();
  for (let round = 0; round < ROUNDS; round += 1) {
    const host = await bench.host(mounts);
    await host.layers.mayMount();
    // The threads are there, as they are on a runner that has worked before.
    await host.workspace().save(['none'], undefined, host.objects);
    let tree;
    settle();
    warm(bench.source);
    took.save.push(
      await timed(async () => {
        tree = await host.workspace(bench.source).save(PATHS, undefined, host.objects);
      }),
    );
    digests.add(tree.contentDigest);
    const place = bench.fresh();
    const workspace = host.workspace(place);
    settle();
    took.restore.push(await timed(() => workspace.restore([tree], host.objects)));
    changeSome(
      bench.paths.map((path) => path.replace(bench.source, place)),
      100,
    );
    settle();
    let second;
    took.again.push(
      await timed(async () => {
        second = await workspace.save(PATHS, tree, host.objects);
      }),
    );
    digests.add(second.contentDigest);
    await workspace.close();
    await host.end();
    rmSync(place, { recursive: true });
  }
  return { save: percentile(took.save), restore: percentile(took.restore), again: percentile(took.again), digests };
};

/** A tree as large as what a package manager leaves, saved and restored. */
export const benchCaches = async () => {
  const bench = new Bench();
  // The threads of a runner do not keep its process alive.
  const alive = setInterval(nothing, 1000);
  try {
    await bench.open();
    const peer = peers(bench);
    const unpacked = await ours(bench, false);
    const mounted = await ours(bench, true);
    if (peer) {
      figure('tar | zstd -1 -T0 && sync, save', ms(peer.save), 'the peer');
      figure('zstd -d | tar, restore', ms(peer.restore), 'the peer');
      const limit = 1.2 * peer.save;
      figure(
        `save of ${TREE.files} files, 300 MB`,
        ms(unpacked.save),
        `<= ${ms(limit)} (1.2 ×)`,
        unpacked.save <= limit,
      );
      const slow = 1.1 * peer.restore;
      figure(
        'restore without the right to mount',
        ms(unpacked.restore),
        `<= ${ms(slow)} (1.1 ×)`,
        unpacked.restore <= slow,
      );
    }
    figure('restore where mounts are allowed', ms(mounted.restore), '<= 60 ms', mounted.restore <= 60);
    for (const [name, { save, again }] of Object.entries({ unpacked, mounted }))
      figure(`second save, 1 % changed, ${name}`, ms(again), `<= ${ms(save / 4)} (0.25 ×)`, again <= save / 4);
    const same = new Set([...unpacked.digests, ...mounted.digests]).size === 2;
    figure('one content digest either way', same, 'true', same);
  } finally {
    clearInterval(alive);
    bench.close();
  }
};
