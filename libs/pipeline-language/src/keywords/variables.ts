import { TEXT, anyOf, NOTHING } from '../grammar/json-schema.ts';
import { list, mapped, named, orMap, shape, boolean, text, type Shape } from '../grammar/shape.ts';
import { record } from '../grammar/record.ts';
import { limits } from '../limits.ts';
import { isNothing, nameOf, shorten, type Node, type Position } from '../node.ts';
import { inside, readMap, type Where } from '../read.ts';

/** What `variables` sets; those that are `raw` are taken as they are written, `$` and all. */
export type Variables = { values: Record<string, string>; raw: string[] };
type Declared = { value: string; description: string; options: string[]; expand: boolean };

export const NO_VARIABLES: Variables = { values: {}, raw: [] };

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Names that steer the shell, the loader or our own tools instead of the author's programs (reliability 4.2), and the
 * names Foldline itself sets. `PYTHON_VERSION` and its like are ordinary; Python's own have no underscore there.
 */
const reserved =
  /^(?:PATH|NODE_OPTIONS|BASH_ENV|ENV|IFS|PROMPT_COMMAND|RUBYOPT|JAVA_TOOL_OPTIONS|PYTHON[A-Z].*|(?:CI|FOLDLINE|LD|DYLD|GIT|DOCKER)_.*|PERL5.*)$/;
const proxies = /^https?_proxy$/i;

/** Reports a name that cannot be, or must not be, an environment variable of a job. */
export const checkVariableName = (name: string, at: Position, where: Where): boolean => {
  const label = `${where.label} has the variable \`${shorten(name)}\``;
  if (!identifier.test(name) || name.length > limits.nameLength) {
    const hint = 'Names are letters, digits and `_`, and do not begin with a digit.';
    where.report.error('invalid-variable-name', at, `${label}, which is not a variable name.`, hint);
    return false;
  }
  if (!reserved.test(name) && !proxies.test(name)) return true;
  where.report.error(
    'reserved-variable',
    at,
    `${label}, which is reserved.`,
    'Choose another name and set it in the script.',
  );
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
  for (const { key, at, value } of entries.values()) {
    if (!checkVariableName(key, at, where)) continue;
    const read = variable.read(value, inside(where, key));
    if (!read) continue;
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
