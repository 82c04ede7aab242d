import { readdirSync, type Stats } from 'node:fs';
import { entriesAt, foundOf, requireFewEntries, type Found } from '../trees/select-entries.ts';
import { statsAt } from '../trees/stats-at.ts';
import { directoriesAbove, directoryOf } from './changed-entries.ts';
import { entriesToCompare, identityOf, type EntriesToCompare, type Identity } from './compare-entries.ts';
import type { TwoThreads } from './two-threads.ts';
import { stampOf, type Differences, type Look, type Seen } from './workspace-differences.ts';

/** The workspace itself. */
const ITSELF = '.';
/** An entry, and how it is known. */
export type KnownEntry = Identity & { entry: Found };
/** Where something was put, changed or removed; what lay below the paths that were `replaced` may be gone. */
export type Touched = { paths: ReadonlySet<string>; replaced: ReadonlySet<string> };
/** Entries of trees that were put into a workspace, and where later ones have touched those before them. */
export type Restored = { entries: Iterable<KnownEntry>; touched: Touched };

const NOTHING_RESTORED: Restored = { entries: [], touched: { paths: new Set(), replaced: new Set() } };
/** The workspace itself is no entry of it. */
type Known = Identity & { entry?: Found };

/**
 * A workspace of which nothing tells what was changed in it. Each entry is compared with what it was the last time, and
 * only directories that are not what they were are listed again.
 */
export class ScannedWorkspace implements Look {
  /** Each entry when the first step began. */
  readonly stamps = new Map<string, string>();
  private readonly known = new Map<string, Known>();
  /** What is known, as it is compared, until something else is. */
  private compared: EntriesToCompare | undefined;
  /** Of what there was when the first step began: what is otherwise or new, and what is not there. */
  private readonly different = new Set<string>();
  private readonly missing = new Set<string>();

  private constructor(
    private readonly root: string,
    private readonly before: Differences | undefined,
    private readonly threads: TwoThreads,
  ) {}

  static begin(
    root: string,
    before: Differences | undefined,
    threads: TwoThreads,
    { entries, touched }: Restored = NOTHING_RESTORED,
  ): ScannedWorkspace {
    const scanned = new ScannedWorkspace(root, before, threads);
    for (const each of entries) scanned.known.set(each.entry.path, each);
    scanned.lookAgainAt(touched);
    scanned.lookAgain(ITSELF);
    for (const { entry } of scanned.known.values()) if (entry) scanned.stamps.set(entry.path, stampOf(entry));
    scanned.different.clear();
    scanned.prepare();
    return scanned;
  }

  async now(last: Differences | undefined): Promise<Seen> {
    await this.lookAgainWhereChanged();
    this.prepare();
    const { before, known } = this;
    const paths = new Set([...this.different, ...(before?.entries.keys() ?? []), ...(last?.entries.keys() ?? [])]);
    const differing = this.entriesOf(paths);
    const gone = new Set([...this.missing, ...(before?.gone ?? []).filter((path) => !known.has(path))]);
    return {
      found: this.entriesOf(new Set([...differing.map(({ path }) => path), ...directoriesAbove(differing)])),
      gone: [...gone],
    };
  }

  private entriesOf(paths: Iterable<string>): Found[] {
    return [...paths].flatMap((path) => this.known.get(path)?.entry ?? []);
  }

  private async lookAgainWhereChanged(): Promise<void> {
    for (const path of await this.threads.compare(this.toCompare())) this.lookAgain(path);
  }

  private toCompare(): EntriesToCompare {
    return (this.compared ??= entriesToCompare(this.root, this.known));
  }

  /** For the next time, while nobody waits. */
  private prepare(): void {
    setImmediate(() => this.toCompare());
  }

  /** Also where it was changed so late that it may be changed again without another time. */
  private lookAgainAt({ paths, replaced }: Touched): void {
    const isReplaced = belowAny(replaced);
    const { known } = this;
    const again = [...known].filter(
      ([path, { ctimeMs }]) => Number.isNaN(ctimeMs) || paths.has(path) || isReplaced(path),
    );
    for (const [path] of again) this.lookAgain(path);
  }

  private lookAgain(path: string): void {
    this.compared = undefined;
    const stats = statsAt(`${this.root}/${path}`);
    const was = this.known.get(path);
    if (stats?.isDirectory() && (path === ITSELF || was?.entry?.kind === 'dir')) this.list(path, stats);
    else {
      this.forget(path);
      // What lay below was looked at through what is in its place now.
      if (stats && was?.entry?.kind === 'dir')
        for (const other of this.known.keys()) if (other.startsWith(`${path}/`)) this.forget(other);
      if (stats) this.find(path);
    }
  }

  /** What else is known of it is looked at by itself. */
  private list(directory: string, stats: Stats): void {
    if (directory === ITSELF) this.known.set(ITSELF, identityOf(stats));
    else this.keep(foundOf(directory, stats, this.root)!, stats);
    for (const name of readdirSync(`${this.root}/${directory}`)) {
      const path = directory === ITSELF ? name : `${directory}/${name}`;
      if (!this.known.has(path)) this.find(path);
    }
  }

  private find(path: string): void {
    entriesAt(this.root, path, (entry, stats) => this.keep(entry, stats));
  }

  private keep(entry: Found, stats: Stats): void {
    const { path } = entry;
    this.known.set(path, { entry, ...identityOf(stats) });
    requireFewEntries(this.known.size);
    this.missing.delete(path);
    if (this.stamps.get(path) === stampOf(entry)) this.different.delete(path);
    else this.different.add(path);
  }

  private forget(path: string): void {
    this.known.delete(path);
    this.different.delete(path);
    if (this.stamps.has(path)) this.missing.add(path);
  }
}

/** Whether a path lies below one of them. Paths that are asked about one after the other mostly lie in one directory. */
const belowAny = (paths: ReadonlySet<string>): ((path: string) => boolean) => {
  const isBelow = (directory: string): boolean =>
    directory !== '' && (paths.has(directory) || isBelow(directoryOf(directory)));
  let last: { directory: string; answer: boolean } = { directory: '', answer: false };
  return (path) => {
    const directory = directoryOf(path);
    if (directory !== last.directory) last = { directory, answer: isBelow(directory) };
    return last.answer;
  };
};
