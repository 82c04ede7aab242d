import { anyOf, listOf, NOTHING, TEXT } from '../grammar/json-schema.ts';
import { record, type Fields } from '../grammar/record.ts';
import { choice, list, mapped, named, shape, text, type Shape } from '../grammar/shape.ts';
import { limits } from '../limits.ts';
import type { ListNode, Node, ScalarNode } from '../node.ts';
import { found, readPattern } from '../pattern.ts';
import { inside, invalid, readList, readMap, readText, type Where } from '../read.ts';
import { isNothing, shorten } from '../node.ts';

export type InputType = 'string' | 'number' | 'boolean' | 'array';
/** What a file asks of whoever includes it. */
export type Input = {
  type: InputType;
  /** Nothing when a value must be given. */
  default?: Node;
  options?: string[];
  /** RE2. */
  regex?: string;
  /** Its type is none, which was reported: what its values may be is not known. */
  isUnclear?: true;
};
export type Inputs = ReadonlyMap<string, Input>;

const anyValue: Shape<Node> = shape((node) => node, anyOf(TEXT, { type: 'array' }));
const option: Shape<string> = shape(readText, TEXT);
const options: Shape<string[]> = shape((node, where) => {
  const items = readList(node, where);
  if (items && items.length > limits.inputOptions)
    return invalid(node, where, `may have at most ${limits.inputOptions} options`);
  return items?.map((item) => option.read(item, where)).filter((value) => value !== undefined);
}, listOf(TEXT));

type Described = { type: InputType; default: Node; options: string[]; regex: string; description: string };

/** The pattern must be found; written with or without slashes. */
const regex: Shape<string> = mapped(text, (pattern, { at }, where) =>
  readPattern(pattern.startsWith('/') ? pattern : `/${pattern}/`, at, where),
);

const definition = record<Described>(
  {
    type: {
      shape: choice<InputType>(['string', 'number', 'boolean', 'array']),
      description: 'What kind of value it has.',
      default: 'string',
      example: 'number',
      beside: { default: 8 },
    },
    default: {
      shape: anyValue,
      description: 'The value when none is given; without it one must be.',
      example: 'staging',
    },
    options: {
      shape: options,
      description: 'The values that it may have.',
      example: ['staging', 'production'],
      beside: { default: 'staging' },
    },
    regex: {
      shape: regex,
      description: 'A pattern that must be found in the value.',
      example: '^v\\d+$',
      beside: { default: 'v1' },
    },
    description: {
      shape: text,
      description: 'What the input is for.',
      example: 'Where to deploy.',
      beside: { default: 'staging' },
    },
  },
  { refused: { rules: 'what an input may be does not depend on others; write `options` and `default`' } },
);

const input: Shape<Input> = shape(
  (node, where) => {
    if (isNothing(node)) return { type: 'string' };
    const read = definition.read(node, where);
    if (!read) return undefined;
    if (node.kind === 'map' && node.entries.has('type') && !read.type) return { type: 'string', isUnclear: true };
    const { type = 'string', default: standard, options: allowed, regex: pattern } = read;
    const made: Input = {
      type,
      ...(standard && { default: standard }),
      ...(allowed && { options: allowed }),
      ...(pattern !== undefined && { regex: pattern }),
    };
    if (standard && !checkInput(made, standard, inside(where, 'default'))) return { ...made, type };
    return made;
  },
  anyOf(definition.schema, NOTHING),
  definition.inner,
);

export const inputs: Shape<Inputs> = named(input, (node, where) => {
  const entries = readMap(node, where);
  if (entries && entries.size > limits.inputs) return invalid(node, where, `may have at most ${limits.inputs} inputs`);
  const read = [...(entries?.values() ?? [])].map(({ key, value }): [string, Input | undefined] => [
    key,
    input.read(value, inside(where, key)),
  ]);
  return new Map(read.filter((each): each is [string, Input] => each[1] !== undefined));
});

/** What a component may be told of itself. */
export const COMPONENT_FACTS = ['name', 'version', 'sha', 'reference'] as const;
export type ComponentFact = (typeof COMPONENT_FACTS)[number];
type Spec = { inputs: Inputs; component: ComponentFact[] };

/** `spec:` in a document of its own before the rest of the file. */
export const spec = record<Spec>(
  {
    inputs: {
      shape: inputs,
      description: 'What the file asks of whoever includes it.',
      example: { level: { default: 'full', options: ['full', 'quick'] } },
    },
    component: {
      shape: list(choice<ComponentFact>(COMPONENT_FACTS), COMPONENT_FACTS.length),
      description: 'What the file, included as a component, uses of that: as `$[[ component.version ]]`.',
      example: ['name', 'version'],
    },
  },
  {
    refused: {
      include: 'inputs are written in the file itself',
      description: 'nobody is shown it; write a comment',
    },
  },
);

/** What stands before everything else. */
export const headerFields: Fields<{ spec: Partial<Spec> }> = {
  spec: {
    shape: spec,
    description: 'What the file asks for, before a line `---` above everything else.',
    example: { inputs: { level: { default: 'full' } } },
  },
};

export type InputValue = ScalarNode | ListNode;

/** The value, if it is one that the input may have; nothing after reporting why not. */
export const checkInput = (definition: Input, node: Node, where: Where): InputValue | undefined => {
  if (!isOfType(definition.type, node)) return invalid(node, where, `must be ${nameOfType[definition.type]}`);
  const value = node as InputValue;
  if (value.kind === 'list') return value;
  const { options: allowed, regex: pattern } = definition;
  if (allowed && !allowed.includes(value.text))
    return invalid(
      value,
      where,
      `must be one of ${allowed
        .slice(0, 10)
        .map((each) => `\`${shorten(each)}\``)
        .join(', ')}`,
    );
  if (pattern !== undefined && !found(pattern, value.text))
    return invalid(value, where, `must match the pattern \`${shorten(pattern)}\``);
  return value;
};

const nameOfType: Record<InputType, string> = {
  string: 'a text',
  number: 'a number',
  boolean: '`true` or `false`',
  array: 'a list',
};

const isOfType = (type: InputType, node: Node): boolean => {
  if (type === 'array') return node.kind === 'list';
  if (node.kind !== 'scalar') return false;
  if (type === 'string') return true;
  if (!node.plain) return false;
  return type === 'boolean' ? /^(true|false)$/.test(node.text) : /^[-+]?\d+(\.\d+)?$/.test(node.text);
};
