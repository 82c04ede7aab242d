import { anyOf, listOf, TEXT } from '../grammar/json-schema.ts';
import { record } from '../grammar/record.ts';
import { shape, type Shape } from '../grammar/shape.ts';
import { readBoolean, readTexts } from '../read.ts';

/** True for everything, or the names of what is taken over. */
type Taken = boolean | readonly string[];
export type Inherit = { default?: Taken; variables?: Taken };

const taken: Shape<Taken> = shape(
  (node, where) =>
    node.kind === 'list' ? readTexts(node, where)?.map(({ value }) => value) : readBoolean(node, where),
  anyOf({ type: 'boolean' }, listOf(TEXT)),
);

export const inherit: Shape<Inherit> = record<Required<Inherit>>({
  default: {
    shape: taken,
    description: 'Which keywords of `default` are taken over.',
    default: true,
    example: ['retry', 'image'],
  },
  variables: {
    shape: taken,
    description: 'Which variables of the file are taken over.',
    default: true,
    example: false,
  },
});

export const takes = (taken: Taken = true, name: string): boolean =>
  typeof taken === 'boolean' ? taken : taken.includes(name);
