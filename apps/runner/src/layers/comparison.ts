import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { LayeredEntry } from '@foldline/contracts';
import type { AsBefore, Found, ListedBefore } from '../trees/select-entries.ts';
import { directoriesAbove, directoryOf, type Base } from './changed-entries.ts';
import { pathsIn } from './overlaid-workspace.ts';
import { asItWas, type Differences } from './workspace-differences.ts';

/** How a workspace is compared with a tree that was restored there. */
export type Comparison = {
  asBefore?: AsBefore;
  listedBefore?: ListedBefore;
  /** Of an entry that is in both, and alike as far as can be seen. */
  isUnchanged: (entry: Found) => boolean;
};

export const WITH_NOTHING: Comparison = { isUnchanged: () => false };

/** `stamps`: those of its files when they had been written. */
export const withUnpacked = (stamps: ReadonlyMap<string, string> | undefined): Comparison => ({
  isUnchanged: (entry) => entry.kind !== 'file' || stamps?.get(entry.path) === entry.stamp,
});

/** `upper` has what was changed since; `beside` are the other directories that are seen there, `over` lies between them. */
type Mounted = { upper: string; beside: readonly string[]; over: Differences | undefined };

/**
 * Of a tree that is part of an overlay: what the overlay has not had to keep is what it was. A directory with nothing
 * kept in it, which is in no other part of the overlay, holds what the tree has there and need not be listed.
 */
export const withMounted = (tree: Base, { upper, beside, over }: Mounted): Comparison => {
  const changed = new Set([...pathsIn(upper), ...(over?.entries.keys() ?? []), ...(over ? aboveAll(over.gone) : [])]);
  const children = childrenOf(tree);
  const isElsewhere = (path: string): boolean =>
    beside.some((directory) => lstatSync(join(directory, path), { throwIfNoEntry: false }) !== undefined);
  return {
    asBefore: (path) => {
      const entry = changed.has(path) ? undefined : tree.entries.get(path);
      return entry && entry.kind !== 'dir' ? asItWas(entry) : undefined;
    },
    listedBefore: (directory) => {
      if (changed.has(directory) || tree.entries.get(directory)?.kind !== 'dir') return undefined;
      return isElsewhere(directory) ? undefined : (children.get(directory) ?? []).map(asItWas);
    },
    isUnchanged: ({ path, kind }) => kind !== 'file' || !changed.has(path),
  };
};

/** Something is missing in these directories. */
const aboveAll = (gone: readonly string[]): string[] => directoriesAbove(gone.map((path) => ({ path })));

const childrenOf = ({ entries }: Base): ReadonlyMap<string, LayeredEntry[]> => {
  const children = new Map<string, LayeredEntry[]>();
  for (const entry of entries.values()) {
    const directory = directoryOf(entry.path);
    const known = children.get(directory);
    if (known) known.push(entry);
    else children.set(directory, [entry]);
  }
  return children;
};
