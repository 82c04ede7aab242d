import { limits } from '../limits.ts';
import { isNothing, nameOf, shorten, type Node, type Position } from '../node.ts';
import { inside, readFields, readMap, readText, type Where } from '../read.ts';

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

/** `variables:` of the file or of a job; a value may also be `{value, description}`. */
export const readVariables = (node: Node, where: Where): Record<string, string> | undefined => {
  const entries = readMap(node, where);
  if (!entries) return undefined;
  const variables: [string, string][] = [];
  for (const { key, at, value } of entries.values()) {
    if (!checkVariableName(key, at, where)) continue;
    const text = readDeclared(value, inside(where, key));
    if (text !== undefined) variables.push([key, text]);
  }
  return Object.fromEntries(variables);
};

const readDeclared = (node: Node, where: Where): string | undefined => {
  if (node.kind !== 'map') return readVariableValue(node, where);
  const fields = readFields(node, where, { known: ['value', 'description'], later: ['expand', 'options'] });
  const description = fields?.get('description');
  if (description) readText(description.value, inside(where, 'description'));
  const value = fields?.get('value');
  return value ? readVariableValue(value.value, inside(where, 'value')) : '';
};
