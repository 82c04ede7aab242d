import { regexOfGlob, type IncludedFile } from '@foldline/contracts';
import { RE2JS } from 're2js';
import { keyOf, nameOfLocation, type FileLocation, type FoundText, type Location } from './elsewhere.ts';
import type { ComponentFact } from './keywords/spec.ts';
import { shorten, type Position } from './node.ts';
import { isPattern, type Place } from './place-of-include.ts';
import type { Located } from './read.ts';
import type { Report } from './report.ts';
import type { Sources, Wanted } from './sources.ts';
import { didYouMean } from './suggest.ts';

/** Whose files are meant where one of these includes others by their paths. */
export type Home = { kind: 'commit' } | ProjectHome | { kind: 'nowhere' };
export type ProjectHome = { kind: 'project'; project: string; ref: string };
/** A file: no other has its key, and `name` is what it is called. */
export type Origin = { key: string; name: string; home: Home };
export type IncludedText = { text: string; home: Home; component?: ComponentFacts };
export type ComponentFacts = Readonly<Record<ComponentFact, string>>;
/** What is to be read, before it was. */
export type Candidate = { place: Place; at: Position; key: string; name: string };

/** How a file is wished for; an optional one is perhaps never included, so that it is not there refuses no plan. */
type Wish = { integrity: string | undefined; isOptional: boolean };

export const ofTheCommit = (path: string): Origin => ({ key: path, name: path, home: { kind: 'commit' } });

/** The texts of what is included. What was not looked up yet is noted, and answered as if there were nothing. */
export class IncludedFiles {
  readonly #files = new Set<string>();
  readonly #elsewhere = new Map<string, Location>();
  readonly #included = new Map<string, IncludedFile>();
  #wantsPaths = false;

  constructor(
    readonly sources: Sources,
    readonly report: Report,
  ) {}

  get wanted(): Wanted | undefined {
    const wanted = {
      files: [...this.#files],
      paths: this.#wantsPaths,
      changes: [],
      elsewhere: [...this.#elsewhere.values()],
    };
    return wanted.files.length > 0 || wanted.paths || wanted.elsewhere.length > 0 ? wanted : undefined;
  }

  /** What was taken over that is not of the commit. */
  get fromElsewhere(): IncludedFile[] {
    return [...this.#included.values()];
  }

  /** The files that are meant, of which there may be several where a path is a pattern. */
  candidatesOf(place: Place, at: Position, { home, name }: Origin): Candidate[] {
    if (place.kind !== 'local') return [candidate(place, at)];
    if (home.kind === 'nowhere') {
      const message = `\`${shorten(name)}\` includes the file \`${shorten(place.path)}\` by its path, and is of no repository itself.`;
      this.report.error('include-not-allowed', at, message, 'Write its address in full, as `remote`.');
      return [];
    }
    const isSeveral = isPattern(place.path);
    const paths = isSeveral ? this.#matching({ value: place.path, at }, home) : [place.path];
    return paths.map((path) => candidate(home.kind === 'commit' ? { kind: 'local', path } : { ...home, path }, at));
  }

  /** Which files a commit of a project has; nothing where that is not known yet, or cannot be. */
  pathsOf({ project, ref }: ProjectHome): readonly string[] | undefined {
    const found = this.#found({ kind: 'tree', project, ref });
    return found && 'text' in found ? (JSON.parse(found.text) as string[]) : undefined;
  }

  /** Nothing where it is not known yet, or after telling why there is none. */
  textOf({ place, at }: Candidate, { integrity, isOptional }: Wish): IncludedText | undefined {
    if (place.kind === 'local') return this.#ofTheCommit({ value: place.path, at }, isOptional);
    const found = this.#found(place);
    if (!found) return undefined;
    if ('problem' in found) {
      const { problem, message, hint, severity } = found;
      if (isOptional || severity === 'warning') this.report.warn(problem, at, message, hint);
      else this.report.error(problem, at, message, hint);
      // What is missing because of it is no second mistake.
      if (!isOptional || severity === 'warning') this.report.leavesOut();
      return undefined;
    }
    if (integrity !== undefined && !this.#isIntact(found, place, integrity, at)) return undefined;
    this.#included.set(keyOf(place), factOf(place, found));
    const home = homeOf(place, found);
    return { text: found.text, home, ...(place.kind === 'component' && { component: factsOf(place, found) }) };
  }

  #found(location: Location) {
    const key = keyOf(location);
    const { elsewhere } = this.sources;
    if (elsewhere && Object.hasOwn(elsewhere, key)) return elsewhere[key];
    this.#elsewhere.set(key, location);
    return undefined;
  }

  #isIntact({ sha256 }: FoundText, place: FileLocation, integrity: string, at: Position): boolean {
    const actual = base64Of(sha256);
    if (actual === integrity) return true;
    const name = shorten(nameOfLocation(place));
    const message = `\`${name}\` is not what its \`integrity\` says: it has sha256-${actual}, and not sha256-${integrity}.`;
    this.report.error('include-integrity', at, message);
    return false;
  }

  #matching({ value, at }: Located<string>, home: { kind: 'commit' } | ProjectHome): readonly string[] {
    const paths = home.kind === 'commit' ? this.sources.paths : this.pathsOf(home);
    if (!paths) {
      this.#wantsPaths ||= home.kind === 'commit';
      return [];
    }
    const pattern = patternOf(value);
    if (!pattern) {
      this.report.error('invalid-pattern', at, `The pattern \`${shorten(value)}\` of include cannot be used.`);
      return [];
    }
    const found = paths.filter((path) => /\.ya?ml$/.test(path) && pattern.matches(path)).toSorted();
    if (found.length === 0)
      this.report.warn('include-missing-file', at, `No file of the repository is included by \`${shorten(value)}\`.`);
    return found;
  }

  #ofTheCommit({ value: path, at }: Located<string>, isOptional: boolean): IncludedText | undefined {
    const text = Object.hasOwn(this.sources.files, path) ? this.sources.files[path]! : undefined;
    if (text === undefined) this.#files.add(path);
    if (typeof text === 'string') return { text, home: { kind: 'commit' } };
    if (text !== null) return undefined;
    // The names of those that are there say what was meant.
    this.#wantsPaths ||= !this.sources.paths;
    reportMissingFile({ value: path, at }, { sources: this.sources, report: this.report, isOptional });
    return undefined;
  }
}

export const reportMissingFile = (
  { value: path, at }: Located<string>,
  { sources: { paths = [] }, report, isOptional }: { sources: Sources; report: Report; isOptional: boolean },
): void => {
  const message = `There is no file \`${shorten(path)}\` at this commit.`;
  const hint = didYouMean(path, paths);
  if (isOptional) report.warn('include-missing-file', at, message, hint);
  else report.error('include-missing-file', at, message, hint);
};

const candidate = (place: Place, at: Position): Candidate =>
  place.kind === 'local'
    ? { place, at, key: place.path, name: place.path }
    : { place, at, key: keyOf(place), name: nameOfLocation(place) };

/** What a file of a project includes is of the same commit of it. */
const homeOf = (place: FileLocation, { at }: FoundText): Home => {
  if (place.kind === 'artifact') return { kind: 'commit' };
  return place.kind === 'remote' || at === undefined
    ? { kind: 'nowhere' }
    : { kind: 'project', project: place.project, ref: at };
};

/** A branch and a commit are no version. */
const factsOf = (
  { component: name, version: reference }: Extract<FileLocation, { kind: 'component' }>,
  { at: sha = '', release: version = '' }: FoundText,
): ComponentFacts => ({ name, version, sha, reference });

const factOf = (place: FileLocation, { sha256, at }: FoundText): IncludedFile => ({
  ...(place.kind === 'remote' ? { kind: place.kind, url: nameOfLocation(place) } : place),
  sha256,
  ...(at !== undefined && { commit: at }),
});

const base64Of = (hexadecimal: string): string =>
  btoa(String.fromCharCode(...(hexadecimal.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16))));

const patternOf = (glob: string): RE2JS | undefined => {
  try {
    return RE2JS.compile(`^(?:${regexOfGlob(glob)})$`);
  } catch {
    return undefined;
  }
};
