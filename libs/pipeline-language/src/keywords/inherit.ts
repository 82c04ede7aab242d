import { anyOf } from '../grammar/json-schema.ts';
import { record } from '../grammar/record.ts';
import { boolean, choice, list, shape, text, type Shape } from '../grammar/shape.ts';
import { limits } from '../limits.ts';
import { defaultable } from './defaultable.ts';

/** True for everything, or the names of what is taken over. */
type Taken = boolean | readonly string[];
export type Inherit = { default?: Taken; variables?: Taken };

const taken = (name: Shape<string>, most: number): Shape<Taken> => {
  const names = list(name, most);
  return shape(
    (node, where): Taken | undefined => (node.kind === 'list' ? names : boolean).read(node, where),
    anyOf(boolean.schema, names.schema),
  );
};

export const inherit: Shape<Inherit> = record<Required<Inherit>>({
  default: {
    shape: taken(choice(defaultable), defaultable.length),
    description: 'Which keywords of `default` are taken over.',
    default: true,
    example: ['retry', 'image'],
  },
  variables: {
    shape: taken(text, limits.keysPerMap),
    description: 'Which variables of the file are taken over.',
    default: true,
    example: false,
  },
});

export const takes = (taken: Taken = true, name: string): boolean =>
  typeof taken === 'boolean' ? taken : taken.includes(name);
