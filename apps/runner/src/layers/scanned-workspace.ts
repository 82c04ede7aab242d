import { readdirSync, type Stats } from 'node:fs';
import { entriesAt, foundOf, requireFewEntries, type Found } from '../trees/select-entries.ts';
import { statsAt } from '../trees/stats-at.ts';
import { directoriesAbove } from './changed-entries.ts';
import { entriesToCompare, identityOf, type EntriesToCompare, type Identity } from './compare-entries.ts';
import type { TwoThreads } from './two-threads.ts';
import { stampOf, type Differences, type Look, type Seen } from './workspace-differences.ts';

/** The workspace itself. */
const ITSELF = '.';
/** An entry, and how it is known. */
export type KnownEntry = Identity & { entry: Found };
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

  /** `restored`: entries of trees that were put into the workspace, some of which may be something else by now. */
  static async begin(
    root: string,
    before: Differences | undefined,
    threads: TwoThreads,
    restored: Iterable<KnownEntry> = [],
  ): Promise<ScannedWorkspace> {
    const scanned = new ScannedWorkspace(root, before, threads);
    for (const each of restored) scanned.known.set(each.entry.path, each);
    await scanned.lookAgainWhereChanged();
    scanned.lookAgain(ITSELF);
    for (const { entry } of scanned.known.values()) if (entry) scanned.stamps.set(entry.path, stampOf(entry));
    scanned.different.clear();
    return scanned;
  }

  async now(last: Differences | undefined): Promise<Seen> {
    await this.lookAgainWhereChanged();
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
    this.compared ??= entriesToCompare(this.root, this.known);
    for (const path of await this.threads.compare(this.compared)) this.lookAgain(path);
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
