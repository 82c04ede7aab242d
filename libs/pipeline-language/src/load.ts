import { regexOfGlob } from '@foldline/contracts';
import { RE2JS } from 're2js';
import { readIncludes } from './keywords/include.ts';
import { limits } from './limits.ts';
import { Merger, without } from './merge.ts';
import { shorten, type MapNode } from './node.ts';
import { parse } from './parse.ts';
import { inside, subject, type Located } from './read.ts';
import type { Report } from './report.ts';
import type { Sources, Wanted } from './sources.ts';
import { didYouMean } from './suggest.ts';

/** `root` is nothing where a file is no YAML of ours; `wanted` where files must be looked up first. */
export type Loading = { root?: MapNode; wanted?: Wanted };

/**
 * The definition with the files that it includes, in turn: those are merged in their order, and what includes them is
 * closer than they are (as in GitLab).
 */
export const load = (file: string, text: string, sources: Sources, report: Report): Loading => {
  const loader = new Loader(sources, report);
  const root = loader.load(file, text, []);
  if (loader.wanted.size > 0 || loader.wantsPaths)
    return { wanted: { files: [...loader.wanted], paths: loader.wantsPaths } };
  return root ? { root } : {};
};

class Loader {
  readonly wanted = new Set<string>();
  wantsPaths = false;
  readonly #merger: Merger;
  #included = 0;

  constructor(
    readonly sources: Sources,
    readonly report: Report,
  ) {
    this.#merger = new Merger(report);
  }

  load(file: string, text: string, within: readonly string[]): MapNode | undefined {
    const root = this.report.reading(file, () => parse(text, this.report, file));
    const include = root?.entries.get('include');
    if (!root || !include) return root;
    const where = inside(subject(this.report, 'The file'), 'include');
    const maps = readIncludes(include.value, where).flatMap((place) => this.#include(place, [...within, file]));
    const own = without(root, 'include');
    return [...maps, own].reduce((merged, next) => this.#merger.merge(merged, next));
  }

  #include({ value, at }: Located<string>, within: readonly string[]): MapNode[] {
    return this.#pathsOf({ value, at }).flatMap((path) => {
      const place = { value: path, at };
      if (!this.#isWithinBounds(place, within)) return [];
      const text = this.#textOf(place);
      const root = text === undefined ? undefined : this.load(path, text, within);
      return root ? [root] : [];
    });
  }

  #pathsOf({ value, at }: Located<string>): readonly string[] {
    if (!/[*?[{]/.test(value)) return [value];
    const { paths } = this.sources;
    if (!paths) {
      this.wantsPaths = true;
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

  #isWithinBounds({ value: path, at }: Located<string>, within: readonly string[]): boolean {
    if (within.includes(path)) {
      const circle = [...within.slice(within.indexOf(path)), path].map((each) => `\`${shorten(each)}\``).join(' → ');
      this.report.error('include-cycle', at, `These files include one another: ${circle}.`);
      return false;
    }
    this.#included += 1;
    if (this.#included <= limits.includes) return true;
    if (this.#included === limits.includes + 1)
      this.report.error(
        'too-many-includes',
        at,
        `More than ${limits.includes} files are included, repeated ones counted.`,
      );
    return false;
  }

  #textOf({ value: path, at }: Located<string>): string | undefined {
    const text = Object.hasOwn(this.sources.files, path) ? this.sources.files[path]! : undefined;
    if (text === undefined) this.wanted.add(path);
    if (text !== null) return text;
    const hint = didYouMean(path, this.sources.paths ?? []);
    this.report.error('include-missing-file', at, `There is no file \`${shorten(path)}\` at this commit.`, hint);
    return undefined;
  }
}

const patternOf = (glob: string): RE2JS | undefined => {
  try {
    return RE2JS.compile(`^(?:${regexOfGlob(glob)})$`);
  } catch {
    return undefined;
  }
};
