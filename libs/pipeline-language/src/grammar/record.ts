import { isUnresolved, type Entry, type Node } from '../node.ts';
import { inside, readMap, reportUnknown, type Where } from '../read.ts';
import { anyOf, FILLED_IN, NOTHING, type Json, type JsonSchema } from './json-schema.ts';
import { plainValue } from './plain-value.ts';
import { readOnce } from './read-once.ts';
import type { Shape } from './shape.ts';

/** What people are told of a keyword, in an editor and in the reference. */
export type Doc = {
  description: string;
  /** Where it does not work, if it does elsewhere. */
  limit?: string;
  /** What it is when it is not written; absent where that is nothing. */
  default?: Json;
  example: Json;
  /** Other keys of the same map that the example needs. */
  beside?: { readonly [key: string]: Json };
};

/** What a keyword does not do yet; `stops` when a job without it must not run as if it were there. */
export type Gap = { why: string; stops?: true };
export type Field<Value> = Doc & { shape: Shape<Value>; planned?: Gap };
export type Fields<Values extends object> = { readonly [Key in keyof Values]-?: Field<Values[Key]> };

/** Keywords that are known and refused, by why. */
export type Refused = { readonly [key: string]: string };

export type Record<Values extends object> = Shape<Partial<Values>> & Keys<Values>;

/** The keys that a map may have, whoever reads it. */
type Keys<Values extends object> = { fields: Fields<Values>; refused: Refused };
export type AnyKeys = { fields: { readonly [key: string]: Field<unknown> }; refused: Refused };

type Options = { refused?: Refused; required?: readonly string[] };

/** A map with known keys. What is not known is reported, and the rest is still read. */
export const record = <Values extends object>(
  fields: Fields<Values>,
  { refused = {}, required = [] }: Options = {},
): Record<Values> => ({
  fields,
  refused,
  inner: [{ keys: { fields: fields as AnyKeys['fields'], refused }, within: 'value' }],
  schema: schemaOf(fields, required),
  read: (node, where) => {
    const entries = readMap(node, where);
    return entries && readEntries(fields, refused, entries, where);
  },
});

/** For maps of which a part is read by somebody else. */
export const readEntries = <Values extends object>(
  fields: Fields<Values>,
  refused: Refused,
  entries: ReadonlyMap<string, Entry>,
  where: Where,
): Partial<Values> => {
  const values: Partial<Values> = {};
  for (const entry of entries.values()) {
    if (!isKeyOf(fields, entry.key)) reportUnknown(entry, where, { known: Object.keys(fields), refused });
    else if (!isUnresolved(entry.value)) {
      const value = readField(fields[entry.key], entry, where);
      if (value !== undefined) values[entry.key] = value;
    }
  }
  return values;
};

const isKeyOf = <Values extends object>(fields: Fields<Values>, key: string): key is keyof Values & string =>
  Object.hasOwn(fields, key);

const readField = <Value>(field: Field<Value>, entry: Entry, where: Where): Value | undefined => {
  const { shape, planned, default: standard } = field;
  const at = inside(where, entry.key);
  const value = readOnce(shape, entry.value, at);
  // Who asks for what is done anyway misses nothing.
  if (planned && value !== undefined && value !== standard) mark(planned, entry, at);
  return value;
};

/** Keeps in the plan what nothing acts upon yet, and warns. */
export const mark = (gap: Gap, entry: Entry, { label, path, marks, report }: Where): void => {
  marks.push({ keyword: path, value: plainValue(entry.value), ...gap });
  const outcome = gap.stops ? 'the job fails instead of running without it' : 'the job runs without it';
  report.warn('planned-only', entry.at, `${label} is planned only: ${gap.why}; ${outcome}.`);
};

const schemaOf = <Values extends object>(fields: Fields<Values>, required: readonly string[]): JsonSchema => {
  const properties = (Object.entries(fields) as [string, Field<unknown>][]).map(
    ([key, field]): [string, JsonSchema] => [key, schemaOfField(field)],
  );
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    additionalProperties: false,
    ...(required.length > 0 && { required }),
  };
};

const schemaOfField = ({ shape, default: standard, example, ...doc }: Field<unknown>): JsonSchema => ({
  ...anyOf(shape.schema, FILLED_IN, NOTHING),
  description: textOf(doc),
  ...(standard !== undefined && { default: standard }),
  examples: [example],
});

const textOf = ({ description, limit, planned }: Omit<Field<unknown>, 'shape' | 'example'>): string => {
  if (planned) return `${description} Planned only: ${planned.why}.`;
  return limit === undefined ? description : `${description} In part: ${limit}.`;
};

/** Where a value of a record stands, for problems that show only when several are looked at together. */
export const entryOf = (node: Node, key: string): Entry | undefined =>
  node.kind === 'map' ? node.entries.get(key) : undefined;
