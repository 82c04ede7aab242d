import {
  isAlias,
  isPair,
  isScalar,
  isSeq,
  type Alias,
  type Pair,
  type ParsedNode,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { limits } from './limits.ts';
import { shorten, type Entry, type ListNode, type MapNode, type Node, type Position, type ScalarNode } from './node.ts';
import type { Report } from './report.ts';

type Source = { text: string; original: string; restored: ReadonlyMap<number, string> };
type Built = { node: Node; weight: number };

const forbiddenKeys = new Set(['__proto__', 'constructor', 'prototype']);
const coreTag = /^tag:yaml\.org,2002:(str|int|float|bool|null|map|seq|merge)$/;

/** Turns the YAML library's nodes into ours: positions as lines and columns, aliases and `<<` followed within limits. */
export class TreeBuilder {
  readonly #anchors = new Map<string, Built | 'open'>();
  #aliases = 0;
  #weight = 0;

  constructor(
    readonly source: Source,
    readonly placeOf: (offset: number) => Position,
    readonly report: Report,
  ) {}

  build(root: ParsedNode | null): Node | undefined {
    return root === null ? { kind: 'map', at: { line: 1, column: 1 }, entries: new Map() } : this.#node(root);
  }

  #node(node: ParsedNode): Node | undefined {
    const at = this.placeOf(node.range[0]);
    if (node.tag !== undefined && !coreTag.test(node.tag) && !isReference(node)) {
      const message = `The tag \`${shorten(node.tag)}\` is not supported.`;
      this.report.error('custom-tag', at, message, 'Only plain YAML is read: texts, lists and maps, and `!reference`.');
      return undefined;
    }
    if (isAlias(node)) return this.#alias(node, at);
    const before = this.#weight;
    if (!this.#count(1, at)) return undefined;
    const name = node.anchor;
    if (name !== undefined) this.#anchors.set(name, 'open');
    const built = this.#content(node, at);
    if (name !== undefined && built) this.#anchors.set(name, { node: built, weight: this.#weight - before });
    return built;
  }

  #content(node: Exclude<ParsedNode, Alias.Parsed>, at: Position): Node | undefined {
    if (isScalar(node)) return this.#scalar(node, at);
    return isSeq(node) ? this.#list(node, at) : this.#map(node, at);
  }

  /** Aliases share the node they point at; what they would expand to is counted all the same. */
  #alias(node: Alias, at: Position): Node | undefined {
    const name = node.source;
    const target = this.#anchors.get(name);
    this.#aliases += 1;
    if (this.#aliases > limits.aliases)
      this.report.error('alias-limit', at, `The file uses more than ${limits.aliases} aliases.`);
    else if (target === 'open')
      this.report.error('alias-limit', at, `The alias \`*${shorten(name)}\` contains itself.`);
    else if (target === undefined)
      this.report.error('yaml-syntax', at, `There is no anchor \`&${shorten(name)}\` above.`);
    else if (this.#count(target.weight, at)) return target.node;
    return undefined;
  }

  #count(weight: number, at: Position): boolean {
    this.#weight += weight;
    if (this.#weight <= limits.nodes) return true;
    this.report.error('alias-limit', at, `The file expands to more than ${limits.nodes} values.`);
    return false;
  }

  #scalar(node: Scalar, at: Position): ScalarNode {
    const [start, end] = node.range!;
    const restored = this.source.restored.get(start);
    if (restored !== undefined) return { kind: 'scalar', at, text: restored, plain: false };
    const plain = node.type === 'PLAIN';
    const text = node.source ?? '';
    const lines = plain ? this.source.original.slice(start, end).split(/\r?\n/) : [];
    return { kind: 'scalar', at, text, plain, ...(lines.length > 1 ? { lines } : {}) };
  }

  #list(list: YAMLSeq, at: Position): ListNode {
    const items: Node[] = [];
    for (const item of list.items as ParsedNode[]) {
      const built = isPair(item) ? undefined : this.#node(item);
      if (built) items.push(built);
      if (this.#weight > limits.nodes) break;
    }
    return { kind: 'list', at, items, ...(isReference(list) && { isReference: true }) };
  }

  #map(map: YAMLMap, at: Position): MapNode {
    const entries = new Map<string, Entry>();
    const merged: Entry[] = [];
    if (map.items.length > limits.keysPerMap) {
      this.report.error(
        'too-many-keys',
        at,
        `A map has ${map.items.length} keys; at most ${limits.keysPerMap} are allowed.`,
      );
      return { kind: 'map', at, entries };
    }
    for (const pair of map.items as Pair<ParsedNode, ParsedNode | null>[]) {
      const entry = this.#entry(pair, entries);
      if (entry?.key === '<<') merged.push(...this.#merge(entry));
      else if (entry) entries.set(entry.key, entry);
      if (this.#weight > limits.nodes) break;
    }
    // Keys written here win over merged ones; of several merged maps the first wins (YAML merge key).
    for (const entry of merged) if (!entries.has(entry.key)) entries.set(entry.key, entry);
    return { kind: 'map', at, entries };
  }

  #entry(pair: Pair<ParsedNode, ParsedNode | null>, before: ReadonlyMap<string, Entry>): Entry | undefined {
    const at = this.placeOf(pair.key.range[0]);
    const key = isAlias(pair.key) ? undefined : this.#node(pair.key);
    if (key?.kind !== 'scalar') {
      this.report.error(
        'yaml-syntax',
        at,
        'A key must be a plain text.',
        'Put the key in quotes if it is meant as a text.',
      );
      return undefined;
    }
    if (forbiddenKeys.has(key.text)) {
      this.report.error('forbidden-key', at, `The key \`${key.text}\` is not allowed.`, 'Choose another name.');
      return undefined;
    }
    if (before.has(key.text)) this.#duplicate(key.text, at, before.get(key.text)!.at);
    const value = pair.value === null ? emptyAt(at) : this.#node(pair.value);
    return value && { key: key.text, at, value };
  }

  #duplicate(key: string, at: Position, first: Position): void {
    const message = `The key \`${shorten(key)}\` is written twice; the first is in line ${first.line}.`;
    this.report.error('duplicate-key', at, message, 'Keep one of them, or rename one.');
  }

  #merge({ value, at }: Entry): Entry[] {
    const maps = value.kind === 'list' ? value.items : [value];
    const entries: Entry[] = [];
    for (const map of maps) {
      if (map.kind === 'map') {
        if (this.#count(map.entries.size, at)) entries.push(...map.entries.values());
      } else this.report.error('wrong-type', at, 'Only maps can be merged with `<<`.', 'Write `<<: *name` of a map.');
    }
    return entries;
  }
}

const isReference = (node: { tag?: string | undefined }): boolean => isSeq(node) && node.tag === '!reference';

const emptyAt = (at: Position): ScalarNode => ({ kind: 'scalar', at, text: '', plain: true });
