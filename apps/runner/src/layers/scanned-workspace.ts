import { selectEntries, type Found } from '../trees/select-entries.ts';
import { directoriesAbove } from './changed-entries.ts';
import { EVERYTHING, stampOf, type Differences, type Look, type Seen } from './workspace-differences.ts';

/** A workspace of which nothing tells what was changed in it: each entry is looked at. */
export class ScannedWorkspace implements Look {
  /** Each entry when the first step began. */
  readonly stamps: ReadonlyMap<string, string>;

  constructor(
    private readonly root: string,
    private readonly before: Differences | undefined,
  ) {
    this.stamps = new Map(this.everything().map((entry) => [entry.path, stampOf(entry)]));
  }

  now(last: Differences | undefined): Seen {
    const all = this.everything();
    const present = new Set(all.map(({ path }) => path));
    const differed = (path: string): boolean =>
      this.before?.entries.has(path) === true || last?.entries.has(path) === true;
    const differing = all.filter((entry) => differed(entry.path) || this.stamps.get(entry.path) !== stampOf(entry));
    const isPart = new Set([...differing.map(({ path }) => path), ...directoriesAbove(differing)]);
    const expected = new Set([...this.stamps.keys(), ...(this.before?.gone ?? [])]);
    return {
      found: all.filter(({ path }) => isPart.has(path)),
      gone: [...expected].filter((path) => !present.has(path)),
    };
  }

  private everything(): Found[] {
    return selectEntries(this.root, EVERYTHING, [], { form: 'exact' }).entries;
  }
}
