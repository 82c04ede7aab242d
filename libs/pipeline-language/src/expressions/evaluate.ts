import { found, patternOf } from '../pattern.ts';
import { ExpressionError, type Expression } from './expression.ts';

/** What an operand is worth; an unknown variable is `null`. */
export type Value = string | boolean | null;

/** Values of variables by name, nothing for those that are not set. `written` is before others were filled in. */
export type Scope = {
  value: (name: string) => string | undefined;
  written: (name: string) => string | undefined;
  /** Whether a pattern of the file is anywhere in a text. */
  isIn: (source: string, text: string) => boolean;
};

/**
 * Whether the condition holds. A variable alone holds when it is set and not empty, also beside `&&` and `||`. Linear in
 * the lengths of the expression and of the values. Throws `ExpressionError` for a variable whose pattern cannot be used.
 */
export const holds = (expression: Expression, scope: Scope): boolean => isTrue(valueOf(expression, scope));

const isTrue = (value: Value): boolean => (typeof value === 'string' ? value.trim() !== '' : value === true);

const valueOf = (expression: Expression, scope: Scope): Value => {
  switch (expression.kind) {
    case 'variable':
      return scope.value(expression.name) ?? null;
    case 'text':
      return expression.text;
    case 'boolean':
      return expression.value;
    case 'null':
      return null;
    case 'pattern':
      return null;
    case 'not':
      return !holds(expression.operand, scope);
    case 'and':
      return holds(expression.left, scope) && holds(expression.right, scope);
    case 'or':
      return holds(expression.left, scope) || holds(expression.right, scope);
    case 'comparison':
      return compared(expression, scope);
  }
};

const compared = ({ operator, left, right }: Extract<Expression, { kind: 'comparison' }>, scope: Scope): boolean => {
  if (operator === '=~') return matches(left, right, scope);
  if (operator === '!~') return !matches(left, right, scope);
  const equal = textOf(valueOf(left, scope)) === textOf(valueOf(right, scope));
  return operator === '==' ? equal : !equal;
};

/** Variables are texts, so `true` is equal to a variable that says so. */
const textOf = (value: Value): string | null => (value === null ? null : String(value));

/** An unset left side is the empty text; with an unset right side nothing matches. */
const matches = (left: Expression, right: Expression, scope: Scope): boolean => {
  const text = textOf(valueOf(left, scope)) ?? '';
  if (right.kind === 'pattern') return scope.isIn(right.source, text);
  // Variables inside a pattern are not filled in: its `$` is the end of the text.
  const pattern = right.kind === 'variable' ? (scope.written(right.name) ?? null) : textOf(valueOf(right, scope));
  if (pattern === null) return false;
  if (!/^\/.*\/[a-zA-Z]*$/s.test(pattern)) return pattern.includes(text);
  const read = patternOf(pattern);
  if ('source' in read) return found(read.source, text);
  // Why says what is in it, which is nobody's business when it is a variable of the project.
  if (right.kind === 'variable')
    throw new ExpressionError(`\`$${right.name}\` holds a pattern that cannot be used`, 0, read.hint);
  throw new ExpressionError(read.why, 0, read.hint);
};
