import { limits } from './limits.ts';
import {
  isUnresolved,
  shorten,
  unresolved,
  type Entry,
  type ListNode,
  type MapNode,
  type Node,
  type Position,
} from './node.ts';
import type { Hint, Report } from './report.ts';
import { didYouMean } from './suggest.ts';

/**
 * A node without references. `weight` counts its values, each as often as it is repeated: references to lists of
 * references grow quickly, though each is kept once.
 */
type Resolved = { node: Node; weight: number };

/**
 * The file with each `!reference [job, keyword, …]` replaced by what stands there, in turn without references. What
 * cannot be found is reported. Nothing when the whole would have more values than a file may have.
 */
export const resolveReferences = (root: MapNode, report: Report): MapNode | undefined => {
  const { node, weight } = new Resolver(root, report).resolve(root);
  if (node.kind === 'map' && weight <= limits.nodes) return node;
  const message = `With what it extends and refers to, the file has more than ${limits.nodes} values.`;
  report.error('alias-limit', root.at, message);
  return undefined;
};

/** Of maps without references: the same ones come again, in each lint and each plan of a file. */
const weights = new WeakMap<MapNode, number>();

class Resolver {
  readonly #done = new Map<Node, Resolved>();
  readonly #underway = new Set<ListNode>();

  constructor(
    readonly root: MapNode,
    readonly report: Report,
  ) {}

  resolve(node: Node): Resolved {
    if (node.kind === 'scalar') return { node, weight: 1 };
    const known = this.#done.get(node);
    if (known) return known;
    const resolved = this.#resolve(node);
    this.#done.set(node, resolved);
    return resolved;
  }

  #resolve(node: ListNode | MapNode): Resolved {
    if (node.kind === 'map') return this.#map(node);
    return node.isReference ? this.#reference(node) : this.#list(node);
  }

  #list(list: ListNode): Resolved {
    const items = list.items.map((item) => this.resolve(item));
    const isSame = items.every(({ node }, index) => node === list.items[index]);
    const node = isSame ? list : { ...list, items: items.map((item) => item.node) };
    return { node, weight: sumOf(items) };
  }

  #map(map: MapNode): Resolved {
    const known = weights.get(map);
    if (known !== undefined) return { node: map, weight: known };
    const values = [...map.entries.values()].map((entry) => ({ entry, ...this.resolve(entry.value) }));
    const isSame = values.every(({ entry, node }) => entry.value === node);
    const entries = (): [string, Entry][] => values.map(({ entry, node }) => [entry.key, { ...entry, value: node }]);
    const weight = sumOf(values);
    if (isSame) weights.set(map, weight);
    return { node: isSame ? map : { ...map, entries: new Map(entries()) }, weight };
  }

  #reference(reference: ListNode): Resolved {
    const names = reference.items.map((item) => (item.kind === 'scalar' ? item.text : undefined));
    const path = names.filter((name) => name !== undefined);
    const refuse = (why: string, hint?: Hint): Resolved => {
      const shown = path.map((name) => shorten(name)).join(', ');
      this.report.error('invalid-reference', reference.at, `\`!reference [${shown}]\` ${why}.`, hint);
      return unresolvedAt(reference.at);
    };
    if (path.length < names.length || path.length === 0)
      return refuse('does not name a place of the file', 'Write `!reference [job, keyword]`.');
    if (this.#underway.has(reference)) return refuse('leads back to itself', 'Take one of the references out.');
    if (this.#underway.size >= limits.referenceLevels)
      return refuse(`is behind ${limits.referenceLevels} others`, 'Refer to a place that is nearer to the first one.');
    this.#underway.add(reference);
    const found = this.#find(path);
    this.#underway.delete(reference);
    if ('node' in found) return found;
    const hint = this.report.full ? undefined : didYouMean(found.missing, found.among);
    return refuse(`leads nowhere: there is no \`${shorten(found.missing)}\``, hint);
  }

  #find(path: readonly string[]): Resolved | { missing: string; among: Iterable<string> } {
    let node: Node = this.root;
    for (const name of path) {
      const next: Entry | undefined = node.kind === 'map' ? node.entries.get(name) : undefined;
      if (!next) return { missing: name, among: node.kind === 'map' ? node.entries.keys() : [] };
      node = this.#through(next.value);
      if (isUnresolved(node)) break;
    }
    return this.resolve(node);
  }

  /** A place on the way may itself be a reference. */
  #through(node: Node): Node {
    return node.kind === 'list' && node.isReference ? this.resolve(node).node : node;
  }
}

const unresolvedAt = (at: Position): Resolved => ({
  node: unresolved(at),
  weight: 1,
});

const sumOf = (values: readonly Pick<Resolved, 'weight'>[]): number =>
  values.reduce((sum, { weight }) => sum + weight, 1);
