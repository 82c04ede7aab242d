import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFileObjectStore } from '@foldline/object-store-files';
import { TreeLayers } from '../../apps/runner/dist/layers/tree-layers.js';
import { WorkspaceLayers } from '../../apps/runner/dist/layers/workspace-layers.js';
import { makeTree } from './tree.mjs';

/** As large as what a package manager leaves. */
export const TREE = { files: 30_000, bytes: 300_000_000 };
export const ROUNDS = 5;
/** What of it is kept. */
export const PATHS = ['node_modules/'];
const clock = { now: () => new Date().toISOString(), monotonic: () => performance.now() };
const nothing = () => undefined;
const logger = {
  debug: nothing,
  info: nothing,
  warn: (fields, message) => console.warn(message, fields),
  error: nothing,
};

export const timed = async (work) => {
  const began = performance.now();
  await work();
  return performance.now() - began;
};

/** Nothing that was written waits for the disk while something else is measured. */
export const settle = () => execFileSync('sync');
/** What is to be saved lies in memory for everybody: a system may take from it what was not read for a while. */
export const warm = (directory) => spawnSync('bash', ['-c', 'tar -cf - . | cat >/dev/null'], { cwd: directory });

/** A large tree, and hosts that save and restore it. */
export class TreeHosts {
  directory = mkdtempSync(join(tmpdir(), 'foldline-bench-'));
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

/** What measures with such hosts, which are gone after it. */
export const withTreeHosts = async (work) => {
  const bench = new TreeHosts();
  // The threads of a runner do not keep its process alive.
  const alive = setInterval(nothing, 1000);
  try {
    await bench.open();
    await work(bench);
  } finally {
    clearInterval(alive);
    bench.close();
  }
};
