import type { Node } from '../node.ts';
import {
  invalid,
  readBoolean,
  readChoice,
  readInteger,
  readList,
  readNumber,
  readText,
  readTexts,
  type Located,
  type Where,
} from '../read.ts';
import { TEXT, anyOf, listOf, mapOf, type JsonSchema } from './json-schema.ts';
import type { AnyKeys } from './record.ts';

/** Answers nothing after reporting why not. */
export type Read<Value> = (node: Node, where: Where) => Value | undefined;

/** What may stand in one place of a definition: how it is read, and the same said to editors. */
export type Shape<Value> = { read: Read<Value>; schema: JsonSchema; inner?: readonly Inner[] };

/** Keys that may stand below: in the value itself, in each item of a list, or under each name that the author chose. */
export type Inner = { keys: AnyKeys; within: 'value' | 'item' | 'name' };

export const shape = <Value>(read: Read<Value>, schema: JsonSchema, inner: readonly Inner[] = []): Shape<Value> => ({
  read,
  schema,
  inner,
});

/** The same keys, one level further down. */
export const within = (place: Inner['within'], { inner = [] }: Shape<unknown>): Inner[] =>
  inner.map(({ keys }) => ({ keys, within: place }));

export const text: Shape<string> = shape(readText, TEXT);
export const boolean: Shape<boolean> = shape(readBoolean, { type: 'boolean' });
export const texts: Shape<Located<string>[]> = shape(readTexts, anyOf(TEXT, listOf(TEXT)));

export const integer = (minimum: number, maximum: number): Shape<number> =>
  shape((node, where) => readInteger(node, where, minimum, maximum), { type: 'integer', minimum, maximum });

export const number = (minimum: number, maximum: number): Shape<number> =>
  shape((node, where) => readNumber(node, where, minimum, maximum), { type: 'number', minimum, maximum });

export const choice = <Choice extends string>(choices: readonly Choice[]): Shape<Choice> =>
  shape((node, where) => readChoice(node, where, choices), { enum: choices });

/** The same, made into something else; `make` reports what it refuses. */
export const mapped = <From, To>(
  from: Shape<From>,
  make: (value: From, node: Node, where: Where) => To | undefined,
  schema: JsonSchema = from.schema,
): Shape<To> =>
  shape(
    (node, where) => {
      const value = from.read(node, where);
      return value === undefined ? undefined : make(value, node, where);
    },
    schema,
    from.inner,
  );

/** Of what is wrong with one item, the others are still read. */
export const list = <Item>(item: Shape<Item>, maxItems: number, things = 'entries'): Shape<Item[]> =>
  shape(
    (node, where) => {
      const items = readList(node, where);
      if (items && items.length > maxItems) return invalid(node, where, `may have at most ${maxItems} ${things}`);
      return items?.map((each) => item.read(each, where)).filter((value) => value !== undefined);
    },
    listOf(item.schema, maxItems),
    within('item', item),
  );

/** One thing, or a list of them. */
export const oneOrMore = <Item>(item: Shape<Item>, maxItems: number, things?: string): Shape<Item[]> => {
  const many = list(item, maxItems, things);
  return shape(
    (node, where) => {
      if (node.kind === 'list') return many.read(node, where);
      const one = item.read(node, where);
      return one === undefined ? undefined : [one];
    },
    anyOf(item.schema, many.schema),
    item.inner,
  );
};

/** A map is read in one way, and everything else in the other. */
export const orMap = <Value>(other: Shape<Value>, map: Shape<Value>): Shape<Value> =>
  shape((node, where) => (node.kind === 'map' ? map : other).read(node, where), anyOf(other.schema, map.schema), [
    ...(other.inner ?? []),
    ...(map.inner ?? []),
  ]);

/** A map whose keys are the author's. */
export const named = <Value, All>(value: Shape<Value>, read: Read<All>): Shape<All> =>
  shape(read, mapOf(value.schema), within('name', value));
