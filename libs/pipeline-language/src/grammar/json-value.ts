import { isNothing, type Node } from '../node.ts';
import type { Json } from './json-schema.ts';

/** What a value is as JSON. Numbers that JSON spells otherwise stay as they are written. */
export const jsonOf = (node: Node): Json => {
  if (node.kind === 'list') return node.items.map(jsonOf);
  if (node.kind === 'map') return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, jsonOf(value)]));
  if (isNothing(node)) return null;
  return node.plain && isSpelledAsInJson(node.text) ? (JSON.parse(node.text) as Json) : node.text;
};

const isSpelledAsInJson = (text: string): boolean =>
  text === 'true' || text === 'false' || (/^-?\d/.test(text) && String(Number(text)) === text);

/** The same the other way round, all of it in one place. */
export const nodeOf = (value: unknown, at: Node['at']): Node => {
  if (Array.isArray(value)) return { kind: 'list', at, items: value.map((item) => nodeOf(item, at)) };
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, item]) => [key, { key, at, value: nodeOf(item, at) }] as const);
    return { kind: 'map', at, entries: new Map(entries) };
  }
  return { kind: 'scalar', at, text: String(value), plain: typeof value !== 'string' };
};
