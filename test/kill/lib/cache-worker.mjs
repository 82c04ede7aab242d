import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openFileObjectStore } from '@foldline/object-store-files';
import { problemOfUpload } from '../../../apps/artifact-store/dist/manifest/verify-upload.js';
import { unmountLeftovers } from '../../../apps/runner/dist/layers/mounts.js';
import { TreeLayers } from '../../../apps/runner/dist/layers/tree-layers.js';
import { WorkspaceLayers } from '../../../apps/runner/dist/layers/workspace-layers.js';
import { createRandom } from '../../faults/lib/random.mjs';

/**
 * A runner that restores, checks, changes and saves caches without end, three at a time, and tells each operation in a
 * line, until somebody kills it: `node cache-worker.mjs DIRECTORY HOST SEED MOUNTS`.
 */
const [directory, host, seed, mounts] = process.argv.slice(2);
const AT_ONCE = 3;
const KEYS = ['one', 'two', 'three', 'four', 'five'];
const own = join(directory, host);
const entries = join(directory, 'entries');
const random = createRandom(seed, 'operations');
const clock = { now: () => new Date().toISOString(), monotonic: () => performance.now() };
const quiet = () => undefined;
const logger = {
  debug: quiet,
  info: quiet,
  warn: ({ err }, message) => process.stderr.write(`${message}: ${err}\n`),
  error: quiet,
};

/** The files of a version, by path: some are those of every version of the key, some are its own. */
const filesOf = (key, version) => {
  const files = new Map();
  for (let n = 0; n < 15; n += 1) files.set(`deps/shared-${n % 3}/${n}`, `${key} ${n}`.repeat(1 + n * 10));
  const { below, chance } = createRandom(version, 'files');
  for (let n = 0; n < 12; n += 1) {
    const path = `deps/${chance(0.5) ? `own-${below(4)}/` : 'shared-1/'}${chance(0.3) ? 'deep/er/' : ''}file-${below(20)}`;
    if (![...files.keys()].some((other) => other.startsWith(`${path}/`)))
      files.set(path, `${version} ${n} `.repeat(below(chance(0.1) ? 20_000 : 50)));
  }
  return files.set('deps/version', version);
};

const seen = (root, below = 'deps') =>
  readdirSync(join(root, below)).flatMap((name) => {
    const path = `${below}/${name}`;
    return statSync(join(root, path)).isDirectory() ? seen(root, path) : [path];
  });

/** What is not as it should be in a tree that was restored; nothing when it is one version, whole. */
const wrongWith = (root, key) => {
  const version = readFileSync(join(root, 'deps/version'), 'utf8');
  const expected = filesOf(key, version);
  const paths = seen(root);
  const odd = paths.find((path) => readFileSync(join(root, path), 'utf8') !== expected.get(path));
  if (odd) return `${odd} is not that of ${version}`;
  return paths.length === expected.size ? undefined : `${paths.length} files of ${version}, not ${expected.size}`;
};

const become = (root, key, version) => {
  const wanted = filesOf(key, version);
  if (existsSync(join(root, 'deps'))) for (const path of seen(root)) if (!wanted.has(path)) rmSync(join(root, path));
  for (const [path, text] of wanted) {
    const file = join(root, path);
    if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
};

const commit = (key, entry) => {
  const temporary = join(entries, `${key}.${host}.${random.id()}`);
  writeFileSync(temporary, JSON.stringify(entry));
  renameSync(temporary, join(entries, key));
};

let operations = 0;
const tell = (what) => process.stdout.write(`${what}\n`);

const operate = async (layers, objects) => {
  // Its seed is of one runner only, while the id of a process may come again, and its directories are still there then.
  const name = `${seed}-${(operations += 1)}`;
  const key = random.pick(KEYS);
  const workspace = join(own, 'jobs', name, 'workspace');
  mkdirSync(workspace, { recursive: true });
  const job = new WorkspaceLayers(layers, { workspace, scratch: dirname(workspace), name }, true);
  const path = join(entries, key);
  const entry = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
  if (entry) {
    await job.restore([entry], objects);
    const wrong = wrongWith(workspace, key);
    tell(wrong ? `WRONG restored ${key}: ${wrong}` : `restored ${key}`);
  }
  if (random.chance(0.7)) {
    const version = `${host}-${name}`;
    become(workspace, key, version);
    const saved = await job.save(['deps/'], entry, objects);
    const problem = await problemOfUpload(saved, objects);
    if (problem) tell(`WRONG saved ${key}: ${problem}`);
    else commit(key, saved);
    tell(`saved ${key} ${saved.layers.length}`);
  }
  await job.close();
  rmSync(dirname(workspace), { recursive: true });
};

mkdirSync(entries, { recursive: true });
mkdirSync(own, { recursive: true });
unmountLeftovers(own);
const objects = await openFileObjectStore({ directory: join(directory, 'objects') });
// Little is kept, so that layers are fetched again and again.
const layers = new TreeLayers({
  directory: own,
  settings: { mounts: mounts === 'mounts', diskBytes: 3_000_000 },
  clock,
  logger,
});
// The threads of a runner do not keep its process alive.
setInterval(quiet, 1000);
const lane = async () => {
  for (;;) await operate(layers, objects);
};
await Promise.all(Array.from({ length: AT_ONCE }, lane));
