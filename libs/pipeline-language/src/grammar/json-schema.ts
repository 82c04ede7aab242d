export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** As much of draft 07 as a definition needs. */
export type JsonSchema = { readonly [keyword: string]: Json };

/** YAML's scalars are all texts to us, so editors must not complain of `3.10` where a text is meant. */
export const TEXT: JsonSchema = { type: ['string', 'number', 'boolean'] };

export const anyOf = (...schemas: readonly JsonSchema[]): JsonSchema => ({ anyOf: schemas });

export const listOf = (items: JsonSchema, maxItems?: number): JsonSchema => ({
  type: 'array',
  items,
  ...(maxItems !== undefined && { maxItems }),
});

/** A map whose keys are the author's. */
export const mapOf = (values: JsonSchema): JsonSchema => ({ type: 'object', additionalProperties: values });
