import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '@foldline/kernel';

const DIGEST = /^[0-9a-f]{64}$/;
const LEFTOVER_AGE_MS = 24 * 3_600_000;
/** Tells this process's temporary files from those of an earlier one that had the same pid, as in a container. */
const INCARNATION = randomBytes(6).toString('hex');

let counter = 0;

export type Layout = { objects: string; temporary: string; shards: Shards };

/** No path is ever made from a text that is not a digest. */
export const isDigest = (text: string): boolean => DIGEST.test(text);
export const shardOf = (layout: Layout, digest: string): string => join(layout.objects, digest.slice(0, 2));
export const pathOf = (layout: Layout, digest: string): string => join(shardOf(layout, digest), digest);
export const temporaryPath = (layout: Layout): string =>
  join(layout.temporary, `${process.pid}-${INCARNATION}-${(counter += 1)}`);

export const syncDirectory = async (path: string): Promise<void> => {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
};

const isLeftover = (path: string, name: string): boolean => {
  const [pid, incarnation] = name.split('-');
  if (Number(pid) === process.pid) return incarnation !== INCARNATION;
  if (!isAlive(Number(pid))) return true;
  // Whoever writes it may be done with it by now.
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && found.mtimeMs < Date.now() - LEFTOVER_AGE_MS;
};

/** Makes the folders, and removes what a crash left half written. What shards there are is there after a loss of power. */
export const prepareLayout = async (directory: string): Promise<Layout> => {
  const layout = { objects: join(directory, 'sha256'), temporary: join(directory, 'tmp') };
  mkdirSync(layout.objects, { recursive: true, mode: 0o700 });
  mkdirSync(layout.temporary, { recursive: true, mode: 0o700 });
  await syncDirectory(layout.objects);
  await syncDirectory(directory);
  for (const name of readdirSync(layout.temporary)) {
    const path = join(layout.temporary, name);
    if (isLeftover(path, name)) rmSync(path, { force: true });
  }
  return { ...layout, shards: new Shards(layout.objects) };
};

/** The folders of objects, each made for its first object: most stores of a laptop never have all 256 of them. */
class Shards {
  private readonly made: Map<string, Promise<void>>;

  constructor(private readonly objects: string) {
    this.made = new Map(readdirSync(objects).map((name) => [join(objects, name), Promise.resolve()]));
  }

  /** Waits until the folder is there for good. Another process may be making it too, so it is synced in any case. */
  ready(path: string): Promise<void> {
    const known = this.made.get(path);
    if (known) return known;
    const making = this.make(path);
    this.made.set(path, making);
    making.catch(() => this.made.delete(path));
    return making;
  }

  private async make(path: string): Promise<void> {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    await syncDirectory(this.objects);
  }
}

/** Digests of all objects that are stored below the directory of a store, which nobody changes meanwhile. */
export function* storedDigests(directory: string): Generator<string> {
  const objects = join(directory, 'sha256');
  if (!existsSync(objects)) return;
  for (const shard of readdirSync(objects).toSorted()) {
    for (const name of readdirSync(join(objects, shard)).toSorted()) if (isDigest(name)) yield name;
  }
}
