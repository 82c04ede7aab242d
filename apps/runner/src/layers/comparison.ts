import { join } from 'node:path';
import type { LayeredEntry } from '@foldline/contracts';
import type { Found, KnownTree, Listed } from '../trees/select-entries.ts';
import { statsAt } from '../trees/stats-at.ts';
import { directoriesAbove, directoryOf, type Base } from './changed-entries.ts';
import { keptIn, nameOf } from './overlaid-workspace.ts';
import type { Differences } from './workspace-differences.ts';

/** How a workspace is compared with a tree that was restored there. */
export type Comparison = {
  known?: KnownTree;
  /** Of an entry that is in both, and alike as far as can be seen. */
  isUnchanged: (entry: Found) => boolean;
};

export const WITH_NOTHING: Comparison = { isUnchanged: () => false };

/** `identities`: of what was in it alone when it had been unpacked; `changed` are those that are something else now. */
type Unpacked = { identities: ReadonlyMap<string, unknown>; changed: readonly string[] };

/** Of a tree whose files were written: what is still the same entry is what it was. */
export const withUnpacked = (tree: Base, { identities, changed }: Unpacked): Comparison => {
  const children = childrenIn(tree);
  const isOther = new Set(changed);
  const touched = new Set([...changed, ...aboveAll(changed)]);
  const isTouched = (path: string): boolean => touched.has(path) || !identities.has(path);
  const known: KnownTree = {
    at: (path) => (isTouched(path) ? undefined : tree.entries.get(path)),
    inside: children,
    listed: (directory) =>
      identities.has(directory) && !isOther.has(directory) ? children(directory).map(asListed) : undefined,
  };
  return { known, isUnchanged: ({ path, kind }) => kind !== 'file' || !isTouched(path) };
};

/**
 * `root` is an overlay, of which `upper` has what was changed since; `above` and `below` are the other directories that
 * are seen there, by where they lie, `over` lies between them and `upper`.
 */
type Mounted = {
  root: string;
  upper: string;
  above: readonly string[];
  below: readonly string[];
  over: Differences | undefined;
};

/** Of a tree that is part of an overlay: what the overlay has not had to keep is what it was. */
export const withMounted = (tree: Base, { root, upper, above, below, over }: Mounted): Comparison => {
  const children = childrenIn(tree);
  const kept = keptIn(upper);
  const touched = new Set([
    ...[...kept].flatMap(([directory, entries]) => entries.map(({ name }) => join(directory, name))),
    ...(over ? [...over.entries.keys(), ...aboveAll(over.gone)] : []),
  ]);
  const isIn = (directories: readonly string[], path: string): boolean =>
    directories.some((directory) => isThere(join(directory, path)));
  const isElsewhere = (path: string): boolean => isIn(above, path) || isIn(below, path);
  const isTouched = (path: string): boolean => touched.has(path) || isIn(above, path);
  const known: KnownTree = {
    at: (path) => {
      const entry = isTouched(path) ? undefined : tree.entries.get(path);
      return entry?.kind === 'dir' && isIn(below, path) ? undefined : entry;
    },
    inside: children,
    // To list what several layers have together takes an overlay much longer than to list each of them.
    listed: (directory) => {
      const own = kept.get(directory);
      const mayBeOthers = over !== undefined || tree.entries.get(directory)?.kind !== 'dir' || isElsewhere(directory);
      if (!own || mayBeOthers) return undefined;
      const names = new Set(own.map(({ name }) => name));
      const others = children(directory).filter(({ path }) => !names.has(nameOf(path)));
      // Of a directory that was removed and made anew nothing below is seen, of any other all that it has not itself.
      const [any] = others;
      const isAnew = any !== undefined && !isThere(join(root, any.path));
      return [...own, ...(isAnew ? [] : others.map(asListed))];
    },
  };
  return { known, isUnchanged: ({ path, kind }) => kind !== 'file' || !isTouched(path) };
};

const isThere = (path: string): boolean => statsAt(path) !== undefined;

const asListed = ({ path, kind }: LayeredEntry): Listed => ({ name: nameOf(path), isDirectory: () => kind === 'dir' });

const aboveAll = (paths: readonly string[]): string[] => directoriesAbove(paths.map((path) => ({ path })));

/** By the directory that they lie in. */
const childrenIn = ({ entries }: Base): ((directory: string) => readonly LayeredEntry[]) => {
  const children = new Map<string, LayeredEntry[]>();
  for (const entry of entries.values()) {
    const directory = directoryOf(entry.path);
    const known = children.get(directory);
    if (known) known.push(entry);
    else children.set(directory, [entry]);
  }
  return (directory) => children.get(directory) ?? [];
};
