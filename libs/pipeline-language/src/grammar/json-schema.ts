export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** As much of draft 07 as a definition needs. */
export type JsonSchema = { readonly [keyword: string]: Json };

/** YAML's scalars are all texts to us, so editors must not complain of `3.10` where a text is meant. */
export const TEXT: JsonSchema = { type: ['string', 'number', 'boolean'] };

/** One of these; what is itself a choice, and nothing else, is laid out flat. */
export const anyOf = (...schemas: readonly JsonSchema[]): JsonSchema => ({ anyOf: schemas.flatMap(alternatives) });

export const alternatives = (schema: JsonSchema): readonly JsonSchema[] =>
  Object.keys(schema).join() === 'anyOf' ? (schema['anyOf'] as readonly JsonSchema[]) : [schema];

/** A key without a value leaves out what would be taken over. */
export const NOTHING: JsonSchema = { type: 'null' };

/** What stands for a value of any kind: a reference to another place of the file, or one of its inputs. */
export const FILLED_IN: JsonSchema = { $ref: '#/definitions/filledIn' };

export const listOf = (items: JsonSchema, maxItems?: number): JsonSchema => ({
  type: 'array',
  items: anyOf(items, FILLED_IN),
  ...(maxItems !== undefined && { maxItems }),
});

/** A map whose keys are the author's. */
export const mapOf = (values: JsonSchema): JsonSchema => ({
  type: 'object',
  additionalProperties: anyOf(values, FILLED_IN),
});
