import type { PlannedOnly } from '@foldline/contracts';
import { didYouMean } from './suggest.ts';
import {
  isNothing,
  isUnresolved,
  nameOf,
  shorten,
  type Entry,
  type MapNode,
  type Node,
  type Position,
} from './node.ts';
import type { Hint, Report } from './report.ts';

/** Where a value stands: "job `build`: artifacts.paths" in messages, `artifacts.paths` as its path. */
export type Where = {
  report: Report;
  label: string;
  path: string;
  /** What is read of the subject and cannot be acted upon yet. */
  marks: PlannedOnly[];
};
export type Located<T> = { value: T; at: Position };

export const subject = (report: Report, label: string): Where => ({ report, label, path: '', marks: [] });

export const inside = ({ report, path, label, marks }: Where, key: string): Where => {
  const name = shorten(key);
  return path === ''
    ? { report, label: `${label}: ${name}`, path: name, marks }
    : { report, label: `${label}.${name}`, path: `${path}.${name}`, marks };
};

const wrong = (node: Node, where: Where, expected: string, hint?: string): undefined => {
  if (isUnresolved(node)) return undefined;
  const message = `${where.label} must be ${expected}, but it is ${nameOf(node)}.`;
  where.report.error('wrong-type', node.at, message, hint ?? `Write ${expected} here.`);
};

export const invalid = (node: Node, where: Where, rule: string, hint?: Hint): undefined => {
  if (isUnresolved(node)) return undefined;
  where.report.error('invalid-value', node.at, `${where.label} ${rule}, but it is ${nameOf(node)}.`, hint);
};

/** A text as the file writes it; numbers and booleans keep their spelling. */
export const readText = (node: Node, where: Where): string | undefined =>
  node.kind === 'scalar' && !isNothing(node) ? node.text : wrong(node, where, 'a text');

const UNQUOTE = 'Take the quotes away: what stands in quotes is a text.';

export const readNumber = (node: Node, where: Where, min: number, max: number): number | undefined => {
  const isNumber = node.kind === 'scalar' && /^[-+]?\d+(\.\d+)?$/.test(node.text);
  if (!isNumber || !node.plain) return wrong(node, where, 'a number', isNumber ? UNQUOTE : undefined);
  const value = Number(node.text);
  return value >= min && value <= max ? value : invalid(node, where, `must be between ${min} and ${max}`);
};

export const readInteger = (node: Node, where: Where, min: number, max: number): number | undefined => {
  const value = readNumber(node, where, min, max);
  return value === undefined || Number.isInteger(value) ? value : wrong(node, where, 'a whole number');
};

export const readBoolean = (node: Node, where: Where): boolean | undefined => {
  const text = node.kind === 'scalar' ? node.text.toLowerCase() : '';
  const isBoolean = text === 'true' || text === 'false';
  if (isBoolean && node.kind === 'scalar' && node.plain) return text === 'true';
  return wrong(node, where, '`true` or `false`', isBoolean ? UNQUOTE : undefined);
};

export const readChoice = <T extends string>(node: Node, where: Where, choices: readonly T[]): T | undefined => {
  const text = readText(node, where);
  if (text === undefined) return undefined;
  const choice = choices.find((candidate) => candidate === text);
  if (choice !== undefined) return choice;
  const rule = `must be one of ${choices.map((name) => `\`${name}\``).join(', ')}`;
  return invalid(node, where, rule, didYouMean(text, choices));
};

/** One text or a list of them; nothing is an empty list, and a list none of which can be read is none. */
export const readTexts = (node: Node, where: Where): Located<string>[] | undefined => {
  if (isNothing(node)) return [];
  if (node.kind === 'map') return wrong(node, where, 'a text or a list of texts', mapHint(node));
  if (node.kind === 'scalar') return [{ value: node.text, at: node.at }];
  const texts: Located<string>[] = [];
  for (const item of node.items) {
    const value = readText(item, where);
    if (value !== undefined) texts.push({ value, at: item.at });
  }
  return texts.length > 0 || node.items.length === 0 ? texts : undefined;
};

/** The most common way to get a map by accident: a command or text that holds `: `. */
export const mapHint = (node: MapNode): string | undefined => {
  const [key] = node.entries.keys();
  return key === undefined
    ? undefined
    : `If \`${shorten(key)}: …\` is one text, put it in quotes: the \`: \` makes it a map.`;
};

export const readList = (node: Node, where: Where): Node[] | undefined => {
  if (isNothing(node)) return [];
  return node.kind === 'list' ? node.items : wrong(node, where, 'a list');
};

export const readMap = (node: Node, where: Where): ReadonlyMap<string, Entry> | undefined => {
  if (isNothing(node)) return new Map();
  return node.kind === 'map' ? node.entries : wrong(node, where, 'a map');
};

/** The keys a map may have; `refused` are those of GitLab that are known by name, so that nothing is dropped in silence. */
export type Keys = { known: readonly string[]; refused?: { readonly [key: string]: string } };

export const reportUnknown = (entry: Entry, where: Where, { known, refused = {} }: Keys): void => {
  const label = `${where.label} has the keyword \`${shorten(entry.key)}\`, which`;
  if (Object.hasOwn(refused, entry.key)) {
    where.report.error('unsupported-keyword', entry.at, `${label} is not supported: ${refused[entry.key]}.`);
    return;
  }
  const hint =
    (where.report.full ? undefined : didYouMean(entry.key, known)) ??
    `Known here: ${known.map((name) => `\`${name}\``).join(', ')}.`;
  where.report.error('unknown-keyword', entry.at, `${label} is not known.`, hint);
};
