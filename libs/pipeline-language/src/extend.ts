import { limits } from './limits.ts';
import { Merger, without } from './merge.ts';
import { shorten, type Entry, type MapNode } from './node.ts';
import { inside, readTexts, subject, type Located } from './read.ts';
import type { Report } from './report.ts';
import { didYouMean } from './suggest.ts';

/**
 * The file with each `extends` replaced by what it names: maps are merged into one another, everything else is taken from
 * the closest, and a key that is nothing leaves out what would be inherited (as in GitLab). Where something is wrong the
 * `extends` stays, for it was reported and what is missing because of it is no second mistake.
 */
export const resolveExtends = (root: MapNode, report: Report): MapNode => {
  const extender = new Extender(root, report);
  const entries = new Map<string, Entry>();
  for (const entry of root.entries.values()) entries.set(entry.key, extender.resolve(entry));
  return { ...root, entries };
};

class Extender {
  readonly #done = new Map<string, Entry>();
  /** How far each is from what extends nothing. */
  readonly #levels = new Map<string, number>();
  readonly #underway: string[] = [];
  readonly #merger: Merger;

  constructor(
    readonly root: MapNode,
    readonly report: Report,
  ) {
    this.#merger = new Merger(report);
  }

  resolve(entry: Entry): Entry {
    const own = entry.value.kind === 'map' ? entry.value : undefined;
    const wish = own?.entries.get('extends');
    if (!own || !wish) return entry;
    const known = this.#done.get(entry.key);
    if (known) return known;
    this.#underway.push(entry.key);
    const bases = this.#bases(entry, wish);
    this.#underway.pop();
    const value = bases ? this.#mergeAll(bases, own) : own;
    const resolved = { ...entry, value };
    this.#done.set(entry.key, resolved);
    return resolved;
  }

  /** Nothing after reporting what cannot be extended. */
  #bases(entry: Entry, wish: Entry): MapNode[] | undefined {
    const label = `Job \`${shorten(entry.key)}\``;
    if (wish.value.kind === 'list' && wish.value.isReference) {
      this.report.error('invalid-reference', wish.value.at, `${label}: extends cannot be a \`!reference\`.`);
      return undefined;
    }
    const names = readTexts(wish.value, inside(subject(this.report, label), 'extends'));
    const bases = names?.map((name) => this.#base(name, label));
    this.#levels.set(entry.key, 1 + Math.max(0, ...(names ?? []).map(({ value }) => this.#levelOf(value))));
    const known = bases?.filter((base) => base !== undefined);
    return known?.length === bases?.length || this.report.isPartial ? known : undefined;
  }

  #base({ value: name, at }: Located<string>, label: string): MapNode | undefined {
    const base = this.root.entries.get(name);
    const what = `${label} extends \`${shorten(name)}\``;
    if (base?.value.kind !== 'map') {
      const own = this.#underway.at(-1);
      const others = (): string[] => [...this.root.entries.keys()].filter((key) => key !== own);
      const hint = this.report.full ? undefined : didYouMean(name, others());
      this.report.error('extends-missing-job', at, `${what}, but the file has no such job or template.`, hint);
      return undefined;
    }
    if (this.#underway.includes(name)) {
      const circle = [...this.#underway.slice(this.#underway.indexOf(name)), name];
      const shown = circle.map((each) => `\`${shorten(each)}\``).join(' → ');
      this.report.error('extends-cycle', at, `These extend one another: ${shown}.`);
      return undefined;
    }
    const isTooDeep = this.#underway.length > limits.extendsLevels;
    const { value } = isTooDeep ? base : this.resolve(base);
    // What is wrong with it was reported.
    if (!isTooDeep && (value.kind !== 'map' || value.entries.has('extends'))) return undefined;
    if (isTooDeep || this.#levelOf(name) >= limits.extendsLevels) {
      const message = `${what}, which is more than ${limits.extendsLevels} levels of \`extends\`.`;
      this.report.error('too-deep', at, message, 'Let it extend a template that is nearer to the first one.');
      return undefined;
    }
    return value.kind === 'map' ? value : undefined;
  }

  #levelOf(name: string): number {
    return this.#levels.get(name) ?? 0;
  }

  #mergeAll(bases: readonly MapNode[], own: MapNode): MapNode {
    return [...bases, without(own, 'extends')].reduce((merged, next) => this.#merger.merge(merged, next));
  }
}
