import { jsonOf } from './grammar/json-value.ts';
import { checkInput, type ComponentFact, type Inputs, type InputValue } from './keywords/spec.ts';
import { limits } from './limits.ts';
import {
  shorten,
  unresolved,
  type Entry,
  type ListNode,
  type MapNode,
  type Node,
  type Position,
  type ScalarNode,
} from './node.ts';
import { inside, type Where } from './read.ts';
import { didYouMean } from './suggest.ts';

/** Values by the names of inputs. */
export type Given = ReadonlyMap<string, InputValue>;

/** What a file's inputs come to: what was given, or else the defaults. Reports what is missing, unknown or unfit. */
export const inputsOf = (inputs: Inputs, given: MapNode | undefined, at: Position, where: Where): Given => {
  const values = new Map<string, InputValue>();
  for (const { key, at: place, value } of given?.entries.values() ?? []) {
    const definition = inputs.get(key);
    if (definition?.isUnclear) continue;
    const checked = definition && checkInput(definition, value, inside(where, key));
    if (checked) values.set(key, checked);
    else if (!definition) {
      const message = `${where.label} has no input \`${shorten(key)}\`.`;
      where.report.error('unknown-input', place, message, didYouMean(key, inputs.keys()));
    }
  }
  for (const [name, { default: standard, isUnclear }] of inputs) {
    if (isUnclear || values.has(name) || given?.entries.has(name)) continue;
    if (standard && standard.kind !== 'map') values.set(name, standard);
    else if (!standard) {
      const message = `${where.label} asks for the input \`${shorten(name)}\`, which is not given and has no default.`;
      where.report.error('missing-input', at, message);
    }
  }
  return values;
};

/** What a component asks for of itself; a file that is included in another way has nothing of that. */
export const componentFactsOf = (
  asked: readonly ComponentFact[],
  known: Readonly<Record<ComponentFact, string>> | undefined,
  at: Position,
  where: Where,
): ReadonlyMap<string, string> => {
  if (asked.length === 0) return new Map();
  if (known) return new Map(asked.map((name) => [name, known[name]]));
  const message = `${where.label} asks for \`component.${asked[0]}\`, and it is not included as a component.`;
  where.report.error('missing-input', at, message, 'Include it by `component`, or take `component` out of its `spec`.');
  return new Map(asked.map((name) => [name, '']));
};

const BLOCK = /\$\[\[\s*(inputs|component)\.([\w-]{1,255})\s*((?:\|[^|\]]{1,100}){0,10})\]\]/g;
/** What looks like a block and is none; the values of a copy are filled in later. */
const UNREAD = /\$\[\[(?!\s*matrix\.)[^\]\n]{0,200}\]\]/;
const WHOLE = /^\$\[\[[^\]]*\]\]$/;

/** Maps without a block: the same ones come again, in each lint and each plan of a file. */
const withoutBlocks = new WeakSet<MapNode>();

/** Fills in `$[[ inputs.NAME | function ]]` everywhere in a file. */
export class Interpolation {
  #characters = 0;
  #blocks = 0;
  /** Blocks whose value is missing, which was reported. */
  #withoutValue = 0;

  constructor(
    readonly inputs: Inputs,
    readonly given: Given,
    /** Of a component that asks for them. */
    readonly facts: ReadonlyMap<string, string>,
    readonly fillIn: (text: string, at: Position) => string,
    readonly where: Where,
  ) {}

  get #asksForAny(): boolean {
    return this.inputs.size > 0 || this.facts.size > 0;
  }

  /** The same map where nothing is filled in, so that what was read of it holds. */
  map(node: MapNode): MapNode {
    if (withoutBlocks.has(node)) return node;
    const before = this.#blocks;
    const entries = new Map<string, Entry>();
    let isSame = true;
    for (const entry of node.entries.values()) {
      const key = this.#text(entry.key, entry.at);
      const value = this.#node(entry.value);
      const isKept = key === entry.key && value === entry.value;
      entries.set(key, isKept ? entry : { ...entry, key, value });
      isSame &&= isKept;
    }
    if (this.#blocks === before) withoutBlocks.add(node);
    return isSame ? node : { ...node, entries };
  }

  #list(node: ListNode): ListNode {
    const items = node.items.map((item) => this.#node(item));
    return items.every((item, index) => item === node.items[index]) ? node : { ...node, items };
  }

  #node(node: Node): Node {
    if (node.kind === 'map') return this.map(node);
    if (node.kind === 'list') return this.#list(node);
    return this.#hasBlock(node.text) ? this.#scalar(node) : node;
  }

  #hasBlock(text: string): boolean {
    const has = text.includes('$[[');
    if (has) this.#blocks += 1;
    return has;
  }

  /** A block that is all of a value keeps the type of its input; within a text it is a text. */
  #scalar(node: ScalarNode): Node {
    const text = node.text.trim();
    const [match] = WHOLE.test(text) ? [...text.matchAll(BLOCK)] : [];
    if (match?.[0] === text && match[1] === 'inputs' && match[3] === '') {
      const value = this.#valueOf(match[2]!, node.at);
      return value ? { ...value, at: node.at } : unresolved(node.at);
    }
    const before = this.#withoutValue;
    const filled = this.#text(node.text, node.at);
    if (this.#withoutValue > before) return unresolved(node.at);
    if (filled === node.text) return node;
    const { lines: _folded, ...rest } = node;
    return { ...rest, text: filled, plain: false };
  }

  #text(text: string, at: Position): string {
    if (!this.#hasBlock(text)) return text;
    this.#reportUnread(text, at);
    return text.replaceAll(BLOCK, (block: string, of: string, name: string, functions: string) => {
      const written = of === 'component' ? this.#factOf(name, at) : this.#textOf(name, at);
      if (written === undefined) {
        if (of === 'inputs' || this.#asksForAny) this.#withoutValue += 1;
        return block;
      }
      const filled = this.#applied(written, functions, at);
      this.#characters += filled.length;
      if (this.#characters <= limits.interpolatedCharacters) return filled;
      this.where.report.error(
        'too-many-keys',
        at,
        `Inputs make the file longer than ${limits.interpolatedCharacters} characters.`,
      );
      return '';
    });
  }

  /** Where a file asks for nothing, `$[[` is a text like any other. */
  #reportUnread(text: string, at: Position): void {
    if (!this.#asksForAny) return;
    const [unread] = UNREAD.exec(text.replaceAll(BLOCK, '')) ?? [];
    if (unread === undefined) return;
    const message = `${this.where.label} has \`${shorten(unread)}\`, which is no input.`;
    this.where.report.error('unknown-input', at, message, 'Write `$[[ inputs.NAME ]]`.');
  }

  #textOf(name: string, at: Position): string | undefined {
    const value = this.#valueOf(name, at);
    return value?.kind === 'list' ? JSON.stringify(jsonOf(value)) : value?.text;
  }

  #factOf(name: string, at: Position): string | undefined {
    const fact = this.facts.get(name);
    if (fact !== undefined || !this.#asksForAny) return fact;
    const message = `${this.where.label} uses \`component.${shorten(name)}\`, which its \`spec\` does not name.`;
    this.where.report.error('unknown-input', at, message, `Write \`spec: { component: [${shorten(name)}] }\`.`);
    return undefined;
  }

  #valueOf(name: string, at: Position): InputValue | undefined {
    const value = this.given.get(name);
    if (value || this.inputs.has(name)) return value;
    const message = `${this.where.label} uses the input \`${shorten(name)}\`, which its \`spec\` does not name.`;
    this.where.report.error('unknown-input', at, message, didYouMean(name, this.inputs.keys()));
    return undefined;
  }

  #applied(text: string, functions: string, at: Position): string {
    return functions
      .split('|')
      .slice(1)
      .map((each) => each.trim())
      .reduce((value, call) => {
        const [, start, length] = /^truncate\(\s*(\d{1,6})\s*,\s*(\d{1,6})\s*\)$/.exec(call) ?? [];
        // Of an emoji, which is two units of JavaScript, no half is left.
        if (start !== undefined) return [...value].slice(Number(start), Number(start) + Number(length)).join('');
        if (call === 'expand_vars') return this.fillIn(value, at);
        if (call === 'posix_escape') return escaped(value);
        const message = `${this.where.label} uses \`${shorten(call)}\`, which is no function of inputs.`;
        this.where.report.error(
          'unknown-input',
          at,
          message,
          'Known: `expand_vars`, `truncate(start, length)`, `posix_escape`.',
        );
        return value;
      }, text);
  }
}

/** One word of a shell; a line break cannot be escaped, only quoted. */
const escaped = (text: string): string =>
  text === '' ? "''" : text.replaceAll(/[^A-Za-z0-9_\-.,:+/@\n]/g, '\\$&').replaceAll('\n', "'\n'");
