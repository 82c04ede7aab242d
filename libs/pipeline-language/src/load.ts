import { expandVariables, placeFactVariables, type IncludedFile } from '@foldline/contracts';
import {
  IncludedFiles,
  ofTheCommit,
  type Candidate,
  type ComponentFacts,
  type Origin,
  type ProjectHome,
} from './included-files.ts';
import { nodeOf } from './grammar/json-value.ts';
import type { Shape } from './grammar/shape.ts';
import { componentFactsOf, Interpolation, inputsOf } from './interpolate.ts';
import { childFiles, includes, type Include } from './keywords/include.ts';
import { spec, type Inputs } from './keywords/spec.ts';
import { NO_VARIABLES } from './keywords/variables.ts';
import { limits } from './limits.ts';
import { Merger, without } from './merge.ts';
import { shorten, type Entry, type MapNode, type Position } from './node.ts';
import { parse, type Parsed } from './parse.ts';
import { filledIn, nameOfTarget, placeOf, type Place, type Target } from './place-of-include.ts';
import { inside, subject, type Where } from './read.ts';
import type { Report } from './report.ts';
import { RepositoryFacts } from './repository-facts.ts';
import { ruleScopes, type RuleScope } from './rule-scope.ts';
import { tellSealed } from './sealed-variables.ts';
import type { Trigger } from './select-jobs.ts';
import { bothWanted, type Sources, type Wanted } from './sources.ts';
import { hasPush, verdictOf } from './verdict.ts';

/**
 * `root` is nothing where a file is no YAML of ours; `wanted` where files must be looked up first; `included` are those
 * that are not of the commit.
 */
export type Loading = { root?: MapNode; wanted?: Wanted; included: IncludedFile[] };

/**
 * `trigger` decides which files are included; without one all are whose paths are the same whatever the trigger, of what
 * it is `about`.
 */
export type Loaded = Root & { file: string; text: string; sources: Sources; trigger?: Trigger; about?: About };

/** What is the same for each pipeline of a project, as far as it is known. */
export type About = Pick<Trigger, 'project' | 'server'>;

/** How a definition is asked for. */
export type Root = {
  /** Where all of the text stands that is that of no file: it says which files a child pipeline is put together from. */
  at?: Position;
  /** What it asks for in its `spec:inputs`. */
  inputs?: Readonly<Record<string, unknown>>;
};

/**
 * The definition with the files that it includes, in turn: those are merged in their order, and what includes them is
 * closer than they are (as in GitLab).
 */
export const load = ({ file, text, sources, trigger, about = trigger, ...asked }: Loaded, report: Report): Loading => {
  const loader = new Loader(sources, trigger, about ?? {}, report);
  const root = loader.loadRoot(ofTheCommit(file), text, asked);
  const { wanted, fromElsewhere: included } = loader;
  return wanted ? { wanted, included } : { ...(root && { root }), included };
};

/** How a file is asked for, where it is asked for by another. */
type Asked = { at?: Position; inputs?: MapNode; component?: ComponentFacts; isOptional?: boolean };

const fileStart: Position = { line: 1, column: 1 };

class Loader {
  readonly #files: IncludedFiles;
  readonly #merger: Merger;
  readonly #repository: RepositoryFacts;
  readonly #repositories = new Map<string, RepositoryFacts>();
  readonly #scope: RuleScope | undefined;
  #included = 0;

  constructor(
    readonly sources: Sources,
    readonly trigger: Trigger | undefined,
    readonly about: About,
    readonly report: Report,
  ) {
    this.#files = new IncludedFiles(sources, report);
    this.#merger = new Merger(report);
    this.#repository = new RepositoryFacts(sources);
    // Variables of the file are not known before it is put together (as in GitLab).
    this.#scope = trigger && ruleScopes({ variables: NO_VARIABLES }, trigger).ofPipeline();
  }

  get wanted(): Wanted | undefined {
    return [this.#files, this.#repository, ...this.#repositories.values()]
      .map((each) => each.wanted)
      .reduce(bothWanted);
  }

  get fromElsewhere(): IncludedFile[] {
    return this.#files.fromElsewhere;
  }

  loadRoot(file: Origin, text: string, { at, inputs }: Root): MapNode | undefined {
    if (!at) return this.#load(file, text, [], inputs && { inputs: nodeOf(inputs, fileStart) as MapNode });
    const { root } = parse(text, this.report, file.name, at) ?? {};
    return root && this.#withIncluded(root, 'Child pipeline', childFiles, [{ ...file, key: '' }], false);
  }

  #load(file: Origin, text: string, within: readonly Origin[], asked: Asked | undefined): MapNode | undefined {
    const parsed = this.report.reading(file.name, () => parse(text, this.report, file.name));
    const root = parsed && this.#filledIn(parsed, file.name, asked);
    return root && this.#withIncluded(root, 'The file', includes, [...within, file], asked?.isOptional ?? false);
  }

  #withIncluded(
    root: MapNode,
    label: string,
    shape: Shape<Include[]>,
    within: readonly Origin[],
    isOptional: boolean,
  ): MapNode {
    const include = root.entries.get('include');
    if (!include) return root;
    const where = inside(subject(this.report, label), 'include');
    const wished = shape.read(include.value, where) ?? [];
    const maps = wished.flatMap((each) => this.#include(each, within, where, isOptional));
    const own = without(root, 'include');
    return [...maps, own].reduce((merged, next) => this.#merger.merge(merged, next));
  }

  /** What the file asks for, filled in. */
  #filledIn({ root, header }: Parsed, file: string, asked: Asked | undefined): MapNode {
    const where = subject(this.report, `The file \`${shorten(file)}\``);
    const beside = header ? undefined : specBeside(root, this.report);
    const written = header?.entries.get('spec') ?? beside;
    const read = written && spec.read(written.value, inside(where, 'spec'));
    const inputs: Inputs = read?.inputs ?? new Map();
    const at = asked?.at ?? written?.at ?? root.at;
    const given = inputsOf(inputs, asked?.inputs, at, where);
    const facts = componentFactsOf(read?.component ?? [], asked ? asked.component : NOBODY_ASKED, at, where);
    const fillIn = (text: string, place: Position): string =>
      expandVariables(text, (name, asWritten) => this.#openly(name, place, where) ?? asWritten);
    return new Interpolation(inputs, given, facts, fillIn, where).map(beside ? without(root, 'spec') : root);
  }

  /** As it was set, where everybody sees it: so nothing of a variable of the project, which is told. */
  #openly(name: string, at: Position, where: Where): string | undefined {
    const found = this.#scope?.find(name);
    const sealed = found?.source === 'project' && this.trigger?.sealed?.find((each) => each.name === name);
    if (!sealed) return found?.text;
    tellSealed(sealed, at, where);
    return undefined;
  }

  #include(wish: Include, within: readonly Origin[], where: Where, isWithinOptional: boolean): MapNode[] {
    const includer = within.at(-1)!;
    if (!this.#isLetIn(wish, includer, where)) return [];
    const { targets, integrity, inputs, rules } = wish;
    // Without a trigger nobody knows whether rules let it in, and some may be there for files that are not.
    const isOptional = isWithinOptional || (rules !== undefined && !this.trigger);
    return targets.flatMap(({ value, at }) => {
      const place = this.#placeOf(value, at, where);
      if (!place) return [];
      return this.#files.candidatesOf(place, at, includer).flatMap((candidate) => {
        if (!this.#isWithinBounds(candidate, within)) return [];
        const read = this.#files.textOf(candidate, { integrity, isOptional });
        if (!read) return [];
        const { text, home, component } = read;
        const asked = { at, isOptional, ...(inputs && { inputs }), ...(component && { component }) };
        const { key, name } = candidate;
        const root = this.#load({ key, name, home }, text, within, asked);
        return root ? [root] : [];
      });
    });
  }

  #isLetIn({ rules }: Include, { home }: Origin, where: Where): boolean {
    if (!rules || !this.trigger || !this.#scope) return true;
    const repository = home.kind === 'project' ? this.#repositoryOf(home) : this.#repository;
    const facts = { scope: this.#scope, repository, hasPush: hasPush(this.trigger) };
    return verdictOf(rules, facts, inside(where, 'rules')).rule !== undefined;
  }

  /** What a file of a project asks whether it exists is of that project; what has changed is of the pipeline's. */
  #repositoryOf(home: ProjectHome): RepositoryFacts {
    const key = `${home.project}@${home.ref}`;
    const known = this.#repositories.get(key);
    if (known) return known;
    const repository = new RepositoryFacts(this.sources, () => this.#files.pathsOf(home));
    this.#repositories.set(key, repository);
    return repository;
  }

  /** Nothing after reporting that it is no place, or that it is known only with a trigger. */
  #placeOf(target: Target, at: Position, where: Where): Place | undefined {
    const facts = placeFactVariables(this.about);
    const server = this.about.server && { fqdn: facts.CI_SERVER_FQDN };
    const unknown = new Set<string>();
    const ofAnyTrigger = (name: string): string | undefined => {
      const isKnown = Object.hasOwn(facts, name) || (server && name === 'CI_SERVER_FQDN');
      if (!isKnown) unknown.add(name);
      return facts[name];
    };
    const valueOf = this.#scope ? (name: string) => this.#openly(name, at, where) : ofAnyTrigger;
    const filled = filledIn(target, (text) => expandVariables(text, valueOf));
    const [name] = unknown;
    if (name === undefined) return placeOf(filled, at, where, server);
    const message = `\`${shorten(nameOfTarget(target))}\` is left out: what \`$${shorten(name)}\` is depends on the pipeline.`;
    this.report.warn('include-not-looked-up', at, message);
    this.report.leavesOut();
    return undefined;
  }

  #isWithinBounds({ key, name, at }: Candidate, within: readonly Origin[]): boolean {
    const first = within.findIndex((each) => each.key === key);
    if (first >= 0) {
      const circle = [...within.slice(first).map((each) => each.name), name].map((each) => `\`${shorten(each)}\``);
      this.report.error('include-cycle', at, `These files include one another: ${circle.join(' → ')}.`);
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
}

/** A component that is looked at by itself is none of a version. */
const NOBODY_ASKED: ComponentFacts = { name: '', version: '', sha: '', reference: '' };

/** In the document of the jobs `spec` is the name of a job like any other. */
const specBeside = (root: MapNode, report: Report): Entry | undefined => {
  const entry = root.entries.get('spec');
  if (entry?.value.kind !== 'map' || !entry.value.entries.has('inputs') || entry.value.entries.has('script'))
    return undefined;
  const message = '`spec` stands in one document with the jobs.';
  report.error('unknown-keyword', entry.at, message, 'Write a line `---` between it and the jobs.');
  return entry;
};
