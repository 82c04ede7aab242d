import { isNothing, type Node } from '../node.ts';
import type { Json } from './json-schema.ts';

/** What the file says, as data. Texts without quotes keep their spelling, but for what is nothing. */
export const plainValue = (node: Node): Json => {
  if (isNothing(node)) return null;
  if (node.kind === 'scalar') return node.text;
  if (node.kind === 'list') return node.items.map(plainValue);
  return Object.fromEntries([...node.entries.values()].map(({ key, value }) => [key, plainValue(value)]));
};
