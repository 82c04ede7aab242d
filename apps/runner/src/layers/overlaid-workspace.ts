import { lstatSync, readdirSync, type Dirent, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathProblem } from '@foldline/contracts';
import { selectEntries, type Found } from '../trees/select-entries.ts';
import { directoriesAbove } from './changed-entries.ts';
import { EVERYTHING, stampOf, type Differences, type Look, type Seen } from './workspace-differences.ts';

/** `upper` has all that was changed; `base` are directories as they were in the beginning, the first lies on top. */
export type Overlaid = { root: string; upper: string; base: readonly string[] };

/** A directory of the workspace that something was changed in, and what it was in the beginning, the topmost first. */
type Entered = { path: string; base: string[] };

/**
 * A workspace that is an overlay. Only what the overlay has had to keep is looked at, and the directories that it lies
 * in: what this costs depends on what was changed, and not on how much there is.
 */
export class OverlaidWorkspace implements Look {
  readonly stamps: ReadonlyMap<string, string>;

  constructor(
    private readonly places: Overlaid,
    private readonly before: Differences | undefined,
  ) {
    this.stamps = new Map([...(before?.entries.values() ?? [])].map((entry) => [entry.path, stampOf(entry)]));
  }

  now(last: Differences | undefined): Seen {
    const changed = selectEntries(this.places.upper, EVERYTHING, [], { form: 'exact' }).entries;
    const entered = this.entered(changed);
    const here = new Map<string, Found>(changed.map((entry) => [entry.path, entry]));
    for (const entry of this.earlier(here, entered)) here.set(entry.path, entry);
    // What had been different or gone is told as long as it is there, also where it is again what it was.
    const told = [this.before, last].flatMap((each) => (each ? [each.entries, new Set(each.gone)] : []));
    const differing = [...here.values()].filter(
      (entry) => told.some((paths) => paths.has(entry.path)) || isDifferent(entry, entered),
    );
    const isPart = new Set([...differing.map(({ path }) => path), ...directoriesAbove(differing)]);
    for (const path of isPart) if (!here.has(path)) here.set(path, this.directory(path));
    const found = [...here.values()].filter(({ path }) => isPart.has(path));
    return { found: found.toSorted((a, b) => (a.path < b.path ? -1 : 1)), gone: [...this.gone(here, entered)] };
  }

  /** The root, and each directory that the overlay keeps itself. */
  private entered(changed: readonly Found[]): Map<string, Entered> {
    const entered = new Map([['', { path: '', base: [...this.places.base] }]]);
    for (const { kind, path } of changed) {
      if (kind !== 'dir') continue;
      entered.set(path, { path, base: directoriesNamed(nameOf(path), entered.get(parentOf(path))!.base) });
    }
    return entered;
  }

  /** What an earlier attempt had made different and nobody has changed since. */
  private earlier(changed: ReadonlyMap<string, Found>, entered: ReadonlyMap<string, Entered>): Found[] {
    const known = new Map<string, boolean>();
    const isDirectory = (path: string): boolean => {
      const found = known.get(path) ?? (path === '' || entered.has(path) || (!changed.has(path) && isThere(path)));
      known.set(path, found);
      return found;
    };
    // To take something out of a directory is to change that, so elsewhere everything is there.
    const isThere = (path: string): boolean => {
      const parent = parentOf(path);
      return isDirectory(parent) && (!entered.has(parent) || this.lookAt(path) !== undefined);
    };
    return [...(this.before?.entries.values() ?? [])].filter(({ path }) => !changed.has(path) && isThere(path));
  }

  /** What is not in the workspace any more, with everything that lay below it. */
  private gone(here: ReadonlyMap<string, Found>, entered: ReadonlyMap<string, Entered>): Set<string> {
    const gone = new Set((this.before?.gone ?? []).filter((path) => !entered.has(parentOf(path))));
    for (const { path, base } of entered.values()) {
      const there = new Set(base.length > 0 ? readdirSync(join(this.places.root, path)) : []);
      for (const name of namesIn(base)) {
        const at = join(path, name);
        if (!there.has(name)) addWithAll(gone, at, base);
        else if ((here.get(at)?.kind ?? 'dir') !== 'dir') addAllBelow(gone, at, base);
      }
    }
    return gone;
  }

  private directory(path: string): Found {
    const { mode, mtimeMs } = this.lookAt(path)!;
    return { kind: 'dir', path, mode: mode & PERMISSIONS, mtime: Math.floor(mtimeMs / 1000) };
  }

  private lookAt(path: string): Stats | undefined {
    return lstatSync(join(this.places.root, path), { throwIfNoEntry: false });
  }
}

const PERMISSIONS = 0o777;

/** A directory is in the overlay also when only what lies in it was changed. */
const isDifferent = (entry: Found, entered: ReadonlyMap<string, Entered>): boolean => {
  if (entry.kind !== 'dir') return true;
  const [topmost] = entered.get(entry.path)?.base ?? [];
  return topmost === undefined || (lstatSync(topmost).mode & PERMISSIONS) !== entry.mode;
};

const parentOf = (path: string): string => {
  const parent = dirname(path);
  return parent === '.' ? '' : parent;
};

export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

const namesIn = (directories: readonly string[]): string[] => [
  ...new Set(directories.flatMap((directory) => readdirSync(directory))),
];

/** Of directories that lie upon one another, what is seen as one below them; a file hides what lies below it. */
const directoriesNamed = (name: string, above: readonly string[]): string[] => {
  const found: string[] = [];
  for (const directory of above) {
    const path = join(directory, name);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats && !stats.isDirectory()) break;
    if (stats) found.push(path);
  }
  return found;
};

const addWithAll = (gone: Set<string>, path: string, around: readonly string[]): void => {
  if (pathProblem(path)) return;
  gone.add(path);
  addAllBelow(gone, path, around);
};

const addAllBelow = (gone: Set<string>, path: string, around: readonly string[]): void => {
  const base = directoriesNamed(nameOf(path), around);
  for (const name of namesIn(base)) addWithAll(gone, join(path, name), base);
};

/** Everything that an overlay has had to keep of its own, by the directory in which it is; `''` is the topmost. */
export const keptIn = (upper: string): Map<string, Dirent[]> => {
  const kept = new Map<string, Dirent[]>();
  const directories = [''];
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    const entries = readdirSync(`${upper}/${directory}`, { withFileTypes: true });
    kept.set(directory, entries);
    for (const entry of entries) if (entry.isDirectory()) directories.push(join(directory, entry.name));
  }
  return kept;
};
