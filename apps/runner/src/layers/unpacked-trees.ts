import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { LayeredEntry } from '@foldline/contracts';
import { OWNER_MAY_WRITE, TreeDirectories } from '@foldline/kernel';
import { stampOf, type Found } from '../trees/select-entries.ts';
import type { Base } from './changed-entries.ts';
import { identityOf, type Identity } from './compare-entries.ts';
import type { KnownManifests } from './known-manifests.ts';
import type { KnownEntry } from './scanned-workspace.ts';
import type { UnpackTree } from './tree-operations.ts';
import type { TwoThreads } from './two-threads.ts';
import { filesToWrite } from './write-files.ts';

/** `identities`: of everything in it when it had been unpacked, but not of directories that had something else in them. */
export type Unpacked = Base & { identities: ReadonlyMap<string, Identity> };

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
    this.trees.set(into, here.set(manifest, { ...base, identities }));
  }

  find(directory: string, manifest: string): Unpacked | undefined {
    return this.trees.get(directory)?.get(manifest);
  }

  /** Everything that was put there, some of which a later tree may have replaced. */
  *entriesIn(directory: string): Generator<KnownEntry> {
    for (const { entries, identities } of this.trees.get(directory)?.values() ?? [])
      for (const [path, identity] of identities) yield { ...identity, entry: asFound(entries.get(path)!, identity) };
  }

  forget(directory: string): void {
    this.trees.delete(directory);
  }
}

/** Directories of workspaces can be written to, whatever their tree says. */
const asFound = (entry: LayeredEntry, identity: Identity): Found => {
  const { kind, path, mtime } = entry;
  if (kind === 'link') return { kind, path, target: entry.target, mtime };
  if (kind === 'dir') return { kind, path, mode: entry.mode | OWNER_MAY_WRITE, mtime };
  return { kind, path, mode: entry.mode, mtime, size: entry.size, stamp: stampOf(identity) };
};
