import { TEXT, anyOf, NOTHING } from '../grammar/json-schema.ts';
import { list, mapped, named, orMap, shape, boolean, text, type Shape } from '../grammar/shape.ts';
import { mark, record } from '../grammar/record.ts';
import { limits } from '../limits.ts';
import { isNothing, nameOf, shorten, type Node, type Position } from '../node.ts';
import { inside, readMap, type Where } from '../read.ts';
import { gapOf, isSwitch } from './switches.ts';

/** What `variables` sets; those that are `raw` are taken as they are written, `$` and all. */
export type Variables = { values: Record<string, string>; raw: string[] };
type Declared = { value: string; description: string; options: string[]; expand: boolean };

export const NO_VARIABLES: Variables = { values: {}, raw: [] };

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Names that steer the shell or the loader, so that a script would not do what it says (reliability 4.2), and the names
 * Foldline itself sets. What steers programs that the script starts is its author's business: no program of the runner's
 * own gets the variables of a job. Others may set less, see `variableNameProblem`.
 */
const reserved = /^(?:PATH|BASH_ENV|SHELLOPTS|BASHOPTS|IFS|PROMPT_COMMAND|(?:CI|FOLDLINE|LD|DYLD)_.*)$/;

/** Reports a name that cannot be, or must not be, an environment variable of a job. */
export const checkVariableName = (name: string, at: Position, where: Where): boolean => {
  const label = `${where.label} has the variable \`${shorten(name)}\``;
  if (!identifier.test(name) || name.length > limits.nameLength) {
    const hint = 'Names are letters, digits and `_`, and do not begin with a digit.';
    where.report.error('invalid-variable-name', at, `${label}, which is not a variable name.`, hint);
    return false;
  }
  if (!reserved.test(name) || isSwitch(name)) return true;
  where.report.error('reserved-variable', at, `${label}, which is reserved.`);
  return false;
};

/** A variable's value as the file spells it: `3.10`, `012` and `no` stay texts. Nothing is the empty text. */
export const readVariableValue = (node: Node, where: Where): string | undefined => {
  if (isNothing(node)) return '';
  if (node.kind !== 'scalar') {
    where.report.error('wrong-type', node.at, `${where.label} must be a text, but it is ${nameOf(node)}.`);
    return undefined;
  }
  const bytes = Buffer.byteLength(node.text);
  if (bytes <= limits.valueBytes) return node.text;
  const message = `${where.label} has ${bytes} bytes; at most ${limits.valueBytes} are allowed.`;
  where.report.error('variable-too-large', node.at, message, 'Keep large texts in a file of the repository.');
  return undefined;
};

const value = shape(readVariableValue, anyOf(TEXT, NOTHING));

const declared = record<Declared>({
  value: { shape: value, description: 'The value.', default: '', example: 'staging' },
  description: { shape: text, description: 'What the variable is for.', example: 'Where to deploy.' },
  options: {
    shape: list(value, limits.variableOptions, 'options'),
    description: 'The values that it may have; `value` is one of them.',
    example: ['staging', 'production'],
    beside: { value: 'staging' },
  },
  expand: {
    shape: boolean,
    description: 'Whether variables in the value are filled in.',
    default: true,
    example: false,
  },
});

const variable: Shape<Partial<Declared>> = orMap(
  mapped(value, (text): Partial<Declared> => ({ value: text })),
  mapped(declared, (read, node, where) => {
    if (read.options && !read.options.includes(read.value ?? '')) {
      const message = `${where.label} is \`${shorten(read.value ?? '')}\`, which is none of its options.`;
      where.report.error('invalid-value', node.at, message, 'Write one of the options as `value`.');
    }
    return read;
  }),
);

/** `variables:` of the file, a job or a rule; a value may also be `{value, description, options, expand}`. */
export const variables: Shape<Variables> = named(variable, (node, where) => {
  const entries = readMap(node, where);
  if (!entries) return undefined;
  const values: [string, string][] = [];
  const raw: string[] = [];
  for (const entry of entries.values()) {
    const { key, at } = entry;
    if (!checkVariableName(key, at, where)) continue;
    const within = inside(where, key);
    const read = variable.read(entry.value, within);
    if (!read) continue;
    const gap = gapOf(key, read.value ?? '');
    if (gap) mark(gap, entry, within);
    values.push([key, read.value ?? '']);
    if (read.expand === false) raw.push(key);
  }
  return { values: Object.fromEntries(values), raw };
});

/** Both, where the closer one wins. */
export const mergedVariables = (base: Variables = NO_VARIABLES, closer: Variables = NO_VARIABLES): Variables => ({
  values: { ...base.values, ...closer.values },
  raw: [...base.raw.filter((name) => !Object.hasOwn(closer.values, name)), ...closer.raw],
});
