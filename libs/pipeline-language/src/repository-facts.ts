import { regexOfGlob } from '@foldline/contracts';
import { RE2JS } from 're2js';
import type { Sources, Wanted } from './sources.ts';

/** A pattern and the first of the paths that it matches. */
export type Match = { pattern: string; path: string };

/** What rules ask of the repository. What was not looked up yet is noted, and answered as if there were nothing. */
export class RepositoryFacts {
  readonly #wantedFiles = new Set<string>();
  readonly #wantedChanges = new Set<string>();
  #wantsPaths = false;
  readonly #matchers = new Map<string, (path: string) => boolean>();

  /** `list` says which files there are, where that is not the commit of the pipeline. */
  constructor(
    readonly sources: Sources,
    readonly list?: () => readonly string[] | undefined,
  ) {}

  get wanted(): Wanted | undefined {
    if (!this.#wantsPaths && this.#wantedFiles.size + this.#wantedChanges.size === 0) return undefined;
    return { files: [...this.#wantedFiles], paths: this.#wantsPaths, changes: [...this.#wantedChanges], elsewhere: [] };
  }

  /** Whether the commit has a file; it is not missed while that is not known. */
  has(file: string): boolean {
    const { files } = this.sources;
    if (Object.hasOwn(files, file)) return files[file] !== null;
    this.#wantedFiles.add(file);
    return true;
  }

  /** The first file of the commit that one of the patterns matches. */
  existing(patterns: readonly string[]): Match | undefined {
    const paths = this.list ? this.list() : this.sources.paths;
    if (!paths && !this.list) this.#wantsPaths = true;
    return this.#firstMatch(patterns, paths ?? []);
  }

  /** The files that changed since `base`, or since the last push where it is empty; `null` when that cannot be told. */
  changedSince(base: string): readonly string[] | null {
    const known = this.sources.changes;
    if (known && Object.hasOwn(known, base)) return known[base]!;
    this.#wantedChanges.add(base);
    return [];
  }

  matchOf(patterns: readonly string[], paths: readonly string[]): Match | undefined {
    return this.#firstMatch(patterns, paths);
  }

  #firstMatch(patterns: readonly string[], paths: readonly string[]): Match | undefined {
    for (const pattern of patterns) {
      const matches = this.#matcherOf(pattern);
      const path = paths.find(matches);
      if (path !== undefined) return { pattern, path };
    }
    return undefined;
  }

  /** What comes before the first wildcard is compared as it is: few paths ever come to the regular expression. */
  #matcherOf(pattern: string): (path: string) => boolean {
    const known = this.#matchers.get(pattern);
    if (known) return known;
    const start = pattern.slice(0, /[*?[{\\]|$/.exec(pattern)!.index);
    const matcher = start === pattern ? (path: string) => path === pattern : withPrefix(start, compiled(pattern));
    this.#matchers.set(pattern, matcher);
    return matcher;
  }
}

const withPrefix =
  (start: string, regex: RE2JS | undefined) =>
  (path: string): boolean =>
    path.startsWith(start) && regex !== undefined && regex.matches(path);

/** Nothing for a pattern that a variable made unusable: it matches no file. */
const compiled = (glob: string): RE2JS | undefined => {
  try {
    return RE2JS.compile(regexOfGlob(glob));
  } catch {
    return undefined;
  }
};
