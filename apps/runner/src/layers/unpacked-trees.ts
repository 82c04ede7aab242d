import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { LayeredEntry } from '@foldline/contracts';
import { OWNER_MAY_WRITE, TreeDirectories } from '@foldline/kernel';
import { stampOf, type Found } from '../trees/select-entries.ts';
import { directoriesAbove } from './changed-entries.ts';
import { identityOf, type Identity } from './compare-entries.ts';
import type { KnownManifests } from './known-manifests.ts';
import type { KnownEntry, Restored, Touched } from './scanned-workspace.ts';
import type { UnpackTree } from './tree-operations.ts';
import type { TwoThreads } from './two-threads.ts';
import type { Differences } from './workspace-differences.ts';
import { filesToWrite } from './write-files.ts';

/** `identities`: of everything in it when it had been unpacked, but not of directories that had something else in them. */
export type Unpacked = Differences & { identities: ReadonlyMap<string, Identity> };

/** Trees whose files were written one by one. */
export class UnpackedTrees {
  /** By the directory that they were unpacked into and their manifest. */
  private readonly trees = new Map<string, Map<string, Unpacked>>();

  constructor(
    private readonly threads: TwoThreads,
    private readonly manifests: KnownManifests,
  ) {}

  async unpack({ manifest, images, into }: UnpackTree): Promise<void> {
    const base = this.manifests.read(manifest);
    const entries = [...base.entries.values()];
    const directories = new TreeDirectories(into);
    for (const path of base.gone) directories.remove(path);
    for (const entry of entries) directories.makeFor(entry);
    const identities = new Map(await this.threads.write(filesToWrite(into, images, entries)));
    // Links come last: nothing is written after they are there.
    for (const entry of entries) if (entry.kind === 'link') directories.link(entry);
    for (const entry of entries) if (entry.kind === 'dir') directories.finish(entry);
    for (const { kind, path } of entries)
      if (kind === 'link' || directories.isNew(path)) identities.set(path, identityOf(lstatSync(join(into, path))));
    const here = this.trees.get(into) ?? new Map<string, Unpacked>();
    // It may have been put there before: the order is that of the last time.
    here.delete(manifest);
    this.trees.set(into, here.set(manifest, { ...base, identities }));
  }

  find(directory: string, manifest: string): Unpacked | undefined {
    return this.trees.get(directory)?.get(manifest);
  }

  /** Everything that was put there, and what of it a later tree may have replaced. */
  restoredIn(directory: string): Restored {
    const trees = [...(this.trees.get(directory)?.values() ?? [])];
    return { entries: entriesOf(trees), touched: touchedBy(trees.slice(1)) };
  }

  forget(directory: string): void {
    this.trees.delete(directory);
  }
}

function* entriesOf(trees: readonly Unpacked[]): Generator<KnownEntry> {
  for (const { entries, identities } of trees)
    for (const [path, identity] of identities) {
      const { ino, ctimeMs } = identity;
      yield { ino, ctimeMs, entry: asFound(entries.get(path)!, identity) };
    }
}

const touchedBy = (trees: readonly Unpacked[]): Touched => {
  const entries = trees.flatMap((tree) => [...tree.entries.values()]);
  const gone = trees.flatMap((tree) => tree.gone);
  const replaced = new Set([...gone, ...entries.flatMap(({ kind, path }) => (kind === 'dir' ? [] : path))]);
  const all = [...entries, ...gone.map((path) => ({ path }))];
  return { paths: new Set([...all.map(({ path }) => path), ...directoriesAbove(all)]), replaced };
};

/** Directories of workspaces can be written to, whatever their tree says. */
const asFound = (entry: LayeredEntry, identity: Identity): Found => {
  const { kind, path, mtime } = entry;
  if (kind === 'link') return { kind, path, target: entry.target, mtime };
  if (kind === 'dir') return { kind, path, mode: entry.mode | OWNER_MAY_WRITE, mtime };
  return { kind, path, mode: entry.mode, mtime, size: entry.size, stamp: stampOf(identity) };
};
