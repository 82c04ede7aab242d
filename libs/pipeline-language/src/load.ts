import { expandVariables, regexOfGlob } from '@foldline/contracts';
import { RE2JS } from 're2js';
import { Interpolation, inputsOf } from './interpolate.ts';
import { includedPath, includes, refusePath, type Include } from './keywords/include.ts';
import { spec, type Inputs } from './keywords/spec.ts';
import { NO_VARIABLES } from './keywords/variables.ts';
import { limits } from './limits.ts';
import { Merger, without } from './merge.ts';
import { shorten, type Entry, type MapNode, type Position } from './node.ts';
import { parse, type Parsed } from './parse.ts';
import { inside, subject, type Located, type Where } from './read.ts';
import type { Report } from './report.ts';
import { RepositoryFacts } from './repository-facts.ts';
import { ruleScopes, type RuleScope } from './rule-scope.ts';
import { tellSealed } from './sealed-variables.ts';
import type { Trigger } from './select-jobs.ts';
import type { Sources, Wanted } from './sources.ts';
import { didYouMean } from './suggest.ts';
import { hasPush, verdictOf } from './verdict.ts';

/** `root` is nothing where a file is no YAML of ours; `wanted` where files must be looked up first. */
export type Loading = { root?: MapNode; wanted?: Wanted };

/** `trigger` decides which files are included; without one all are whose paths can be known. */
export type Loaded = { file: string; text: string; sources: Sources; trigger?: Trigger };

/**
 * The definition with the files that it includes, in turn: those are merged in their order, and what includes them is
 * closer than they are (as in GitLab).
 */
export const load = ({ file, text, sources, trigger }: Loaded, report: Report): Loading => {
  const loader = new Loader(sources, trigger, report);
  const root = loader.load(file, text, [], undefined);
  const { wanted } = loader;
  return wanted ? { wanted } : { ...(root && { root }) };
};

/** How a file is asked for, where it is asked for by another. */
type Asked = { at: Position; inputs?: MapNode };

class Loader {
  readonly #files = new Set<string>();
  #wantsPaths = false;
  readonly #merger: Merger;
  readonly #repository: RepositoryFacts;
  readonly #scope: RuleScope | undefined;
  #included = 0;

  constructor(
    readonly sources: Sources,
    readonly trigger: Trigger | undefined,
    readonly report: Report,
  ) {
    this.#merger = new Merger(report);
    this.#repository = new RepositoryFacts(sources);
    // Variables of the file are not known before it is put together (as in GitLab).
    this.#scope = trigger && ruleScopes({ variables: NO_VARIABLES }, trigger).ofPipeline();
  }

  get wanted(): Wanted | undefined {
    const { paths = false, changes = [] } = this.#repository.wanted ?? {};
    const wanted = { files: [...this.#files], paths: paths || this.#wantsPaths, changes };
    return wanted.files.length > 0 || wanted.paths || changes.length > 0 ? wanted : undefined;
  }

  load(file: string, text: string, within: readonly string[], asked: Asked | undefined): MapNode | undefined {
    const parsed = this.report.reading(file, () => parse(text, this.report, file));
    const root = parsed && this.#filledIn(parsed, file, asked);
    const include = root?.entries.get('include');
    if (!root || !include) return root;
    const where = inside(subject(this.report, 'The file'), 'include');
    const wished = includes.read(include.value, where) ?? [];
    const maps = wished.flatMap((each) => this.#include(each, [...within, file], where));
    const own = without(root, 'include');
    return [...maps, own].reduce((merged, next) => this.#merger.merge(merged, next));
  }

  /** What the file asks for, filled in. */
  #filledIn({ root, header }: Parsed, file: string, asked: Asked | undefined): MapNode {
    const where = subject(this.report, `The file \`${shorten(file)}\``);
    const beside = header ? undefined : specBeside(root, this.report);
    const written = header?.entries.get('spec') ?? beside;
    const inputs: Inputs = (written && spec.read(written.value, inside(where, 'spec'))?.inputs) ?? new Map();
    const at = asked?.at ?? written?.at ?? root.at;
    const given = inputsOf(inputs, asked?.inputs, at, where);
    const fillIn = (text: string, place: Position): string =>
      expandVariables(text, (name, asWritten) => this.#openly(name, place, where) ?? asWritten);
    return new Interpolation(inputs, given, fillIn, where).map(beside ? without(root, 'spec') : root);
  }

  /** As it was set, where everybody sees it: so nothing of a variable of the project, which is told. */
  #openly(name: string, at: Position, where: Where): string | undefined {
    const found = this.#scope?.find(name);
    const sealed = found?.source === 'project' && this.trigger?.sealed?.find((each) => each.name === name);
    if (!sealed) return found?.text;
    tellSealed(sealed, at, where);
    return undefined;
  }

  #include(wish: Include, within: readonly string[], where: Where): MapNode[] {
    if (!this.#isLetIn(wish, where)) return [];
    const path = this.#pathOf(wish, where);
    if (path === undefined) return [];
    return this.#pathsOf({ value: path, at: wish.at }).flatMap((value) => {
      const place = { value, at: wish.at };
      if (!this.#isWithinBounds(place, within)) return [];
      const text = this.#textOf(place);
      const root = text === undefined ? undefined : this.load(value, text, within, wish);
      return root ? [root] : [];
    });
  }

  #isLetIn({ rules }: Include, where: Where): boolean {
    if (!rules || !this.trigger || !this.#scope) return true;
    const facts = { scope: this.#scope, repository: this.#repository, hasPush: hasPush(this.trigger) };
    return verdictOf(rules, facts, inside(where, 'rules')).rule !== undefined;
  }

  /** Nothing where it depends on a trigger and there is none, or after reporting that it is no path. */
  #pathOf({ path, at }: Include, where: Where): string | undefined {
    if (path.includes('$') && !this.#scope) return undefined;
    const filled = expandVariables(path, (name) => this.#openly(name, at, where));
    return includedPath(filled) ?? refusePath(path, at, where);
  }

  #pathsOf({ value, at }: Located<string>): readonly string[] {
    if (!/[*?[{]/.test(value)) return [value];
    const { paths } = this.sources;
    if (!paths) {
      this.#wantsPaths = true;
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
    if (text === undefined) this.#files.add(path);
    if (text !== null) return text;
    const hint = didYouMean(path, this.sources.paths ?? []);
    this.report.error('include-missing-file', at, `There is no file \`${shorten(path)}\` at this commit.`, hint);
    return undefined;
  }
}

/** In the document of the jobs `spec` is the name of a job like any other. */
const specBeside = (root: MapNode, report: Report): Entry | undefined => {
  const entry = root.entries.get('spec');
  if (entry?.value.kind !== 'map' || !entry.value.entries.has('inputs') || entry.value.entries.has('script'))
    return undefined;
  const message = '`spec` stands in one document with the jobs.';
  report.error('unknown-keyword', entry.at, message, 'Write a line `---` between it and the jobs.');
  return entry;
};

const patternOf = (glob: string): RE2JS | undefined => {
  try {
    return RE2JS.compile(`^(?:${regexOfGlob(glob)})$`);
  } catch {
    return undefined;
  }
};
