import type { LayeredEntry, LayeredManifest } from './layered-manifest.ts';

/** `tree` is which of the composed ones an entry is of. */
export type ComposedEntry = { tree: number; entry: LayeredEntry };
/** `gone`: what is to be removed of what lies below all of them, before the entries are put there. */
export type ComposedTrees = { entries: ComposedEntry[]; gone: string[] };

/**
 * What is there when trees are put into one directory, each over those before it: a file or link takes the place of a
 * directory with all that is in it, a directory that of a file, and what a tree calls gone is gone of those below it. The
 * same as unpacking them one after the other; entries are in the order of their trees.
 */
export const composeTrees = (trees: readonly Pick<LayeredManifest, 'entries' | 'gone'>[]): ComposedTrees => {
  const last = new Map<string, number>();
  /** The last tree before whose entries everything at a place, and everything below it, was removed. */
  const cleared = new Map<string, number>();
  /** The last tree that has something below a place. */
  const entered = new Map<string, number>();
  const gone = new Set<string>();
  for (const [tree, manifest] of trees.entries()) {
    for (const path of manifest.gone ?? []) {
      gone.add(path);
      cleared.set(path, tree);
    }
    for (const { kind, path } of manifest.entries) {
      last.set(path, tree);
      if (kind !== 'dir') cleared.set(path, tree);
      for (const directory of directoriesOf(path)) entered.set(directory, tree);
    }
  }
  const stays = ({ kind, path }: LayeredEntry, tree: number): boolean =>
    last.get(path) === tree &&
    (cleared.get(path) ?? tree) <= tree &&
    (kind === 'dir' || (entered.get(path) ?? tree) <= tree) &&
    directoriesOf(path).every((directory) => (cleared.get(directory) ?? tree) <= tree);
  return {
    entries: trees.flatMap(({ entries }, tree) =>
      entries.filter((entry) => stays(entry, tree)).map((entry) => ({ tree, entry })),
    ),
    gone: [...gone],
  };
};

const directoriesOf = (path: string): string[] => {
  const found: string[] = [];
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) found.push(path.slice(0, end));
  return found;
};
