import { readdirSync } from 'node:fs';
import { selectEntries, type AsBefore, type Found } from '../trees/select-entries.ts';
import { changesSince, directoriesAbove, isWornOut, type Base, type Changes } from './changed-entries.ts';

/** What a workspace has besides what its surroundings give it; `gone` is what they give and it has no more. */
export type Differences = Base & { gone: readonly string[] };
type Stamps = ReadonlyMap<string, string>;
export type Difference = { changes: Changes; base: Base | undefined; gone: string[]; stamps: Stamps };

/** All of a workspace; no wildcard names the history of its repository. */
const EVERYTHING = ['**', '.git'];
/** Of what an overlay has not had to keep: it is as it was. */
const AS_IT_WAS = '';

/**
 * What becomes different in a workspace from step to step. `upper` is where an overlay keeps everything that was changed;
 * without one each entry is looked at.
 */
export class WorkspaceDifferences {
  /** Each entry when the first step began, by its stamp. */
  private readonly reference: Stamps;
  private last: (Differences & { stamps: Stamps }) | undefined;

  /** `before`: what an earlier attempt had made different, which lies in the workspace. */
  constructor(
    private readonly root: string,
    private readonly upper: string | undefined,
    private readonly before: Differences | undefined,
  ) {
    this.reference = new Map(this.everything(new Set()).map((entry) => [entry.path, stampOf(entry)]));
    this.last = before && { ...before, stamps: this.reference };
  }

  /** What is different now; nothing when it is just what it was the last time. */
  now(): Difference | undefined {
    const changed = this.upper === undefined ? new Set<string>() : pathsIn(this.upper);
    if (this.upper !== undefined && changed.size === 0) return undefined;
    const all = this.everything(changed);
    const present = new Map(all.map(({ path, kind }) => [path, kind]));
    const differed = (path: string): boolean =>
      this.before?.entries.has(path) === true || this.last?.entries.has(path) === true;
    const differing = all.filter((entry) => differed(entry.path) || this.reference.get(entry.path) !== stampOf(entry));
    const above = new Set(directoriesAbove(differing));
    const isPart = new Set([...differing.map(({ path }) => path), ...above]);
    const found = all.filter(({ path }) => isPart.has(path));
    const expected = new Set([...this.reference.keys(), ...(this.before?.gone ?? [])]);
    const gone = [...expected].filter((path) => !present.has(path));
    const last = this.last && !isWornOut(this.last) ? this.last : undefined;
    const told = new Set(last?.gone);
    const isUnchanged = (entry: Found): boolean => last?.stamps.get(entry.path) === stampOf(entry);
    const newlyGone = gone.filter((path) => !told.has(path));
    const changes = changesSince(last, found, isUnchanged, { present, alsoGone: newlyGone });
    if (changes.layer.length === 0 && (last?.gone.length ?? 0) === gone.length) return undefined;
    return { changes, base: last, gone, stamps: new Map(found.map((entry) => [entry.path, stampOf(entry)])) };
  }

  /** It is stored: the next is what becomes different from now on. */
  stored(differences: Differences & { stamps: Stamps }): void {
    this.last = differences;
  }

  private everything(changed: ReadonlySet<string>): Found[] {
    const asBefore: AsBefore = (path) => {
      if (this.upper === undefined || changed.has(path)) return undefined;
      const entry = this.before?.entries.get(path);
      if (entry?.kind === 'link') return entry;
      const { mode, mtime, size } = entry?.kind === 'file' ? entry : { mode: 0, mtime: 0, size: 0 };
      return { kind: 'file', path, mode, mtime, size, stamp: AS_IT_WAS };
    };
    return selectEntries(this.root, EVERYTHING, [], { asBefore, form: 'exact' }).entries;
  }
}

const stampOf = (entry: Found): string =>
  entry.kind === 'file' ? entry.stamp : entry.kind === 'dir' ? `directory ${entry.mode}` : `link ${entry.target}`;

/** Everything that an overlay has had to keep of its own. */
export const pathsIn = (upper: string): Set<string> =>
  new Set(
    readdirSync(upper, { withFileTypes: true, recursive: true }).map(({ parentPath, name }) =>
      `${parentPath}/${name}`.slice(upper.length + 1),
    ),
  );
