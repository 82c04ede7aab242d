import type { PipelineSource } from '@foldline/contracts';
import type { Expression } from '../expressions/expression.ts';
import { shorten } from '../node.ts';

/** What a variable must be for a condition to hold; a text, or `null` where it must not be set. */
type Demands = { is: Set<string | null>; isNot: Set<string | null>; filled: boolean; unfilled: boolean };

const SOURCES: Readonly<Record<PipelineSource, true>> = {
  api: true,
  push: true,
  web: true,
  schedule: true,
  parent_pipeline: true,
  pipeline: true,
};

/** Why no pipeline can make a condition hold; nothing unless that is certain. */
export const whyNever = (expression: Expression): string | undefined => {
  switch (expression.kind) {
    case 'or': {
      const left = whyNever(expression.left);
      return left && whyNever(expression.right) && left;
    }
    case 'and': {
      const all = parts(expression);
      return firstOf(all, whyNever) ?? contradictionIn(all);
    }
    case 'null':
      return '`null` is nothing';
    case 'boolean':
      return expression.value ? undefined : '`false` never holds';
    case 'text':
      return expression.text.trim() === '' ? 'an empty text never holds' : undefined;
    case 'comparison':
      return whyNotEqual(expression) ?? contradictionIn([expression]);
    default:
      return undefined;
  }
};

const firstOf = <Item>(items: Iterable<Item>, find: (item: Item) => string | undefined): string | undefined => {
  for (const item of items) {
    const found = find(item);
    if (found) return found;
  }
  return undefined;
};

const parts = (expression: Expression): Expression[] =>
  expression.kind === 'and' ? [...parts(expression.left), ...parts(expression.right)] : [expression];

type Comparison = Extract<Expression, { kind: 'comparison' }>;

const literal = (expression: Expression): string | null | undefined => {
  if (expression.kind === 'text') return expression.text;
  if (expression.kind === 'boolean') return String(expression.value);
  return expression.kind === 'null' ? null : undefined;
};

const shown = (value: string | null): string => (value === null ? '`null`' : `\`"${shorten(value)}"\``);

const whyNotEqual = ({ operator, left, right }: Comparison): string | undefined => {
  const [a, b] = [literal(left), literal(right)];
  if (a === undefined || b === undefined || (operator !== '==' && operator !== '!=')) return undefined;
  if ((a === b) === (operator === '==')) return undefined;
  return `${shown(a)} is ${operator === '==' ? 'never' : 'always'} ${shown(b)}`;
};

/** What all of these together demand of each variable, and where no value meets that. */
const contradictionIn = (expressions: readonly Expression[]): string | undefined => {
  const demands = new Map<string, Demands>();
  for (const expression of expressions) demand(expression, demands);
  const why = firstOf(demands, ([name, of]) => contradiction(name, of));
  if (why) return why;
  const isFilled = (name: string): boolean => isSurelyFilled(demands.get(name));
  return isFilled('CI_COMMIT_BRANCH') && isFilled('CI_COMMIT_TAG')
    ? 'a pipeline is for a branch or for a tag, and only one of `$CI_COMMIT_BRANCH` and `$CI_COMMIT_TAG` is set'
    : undefined;
};

const isSurelyFilled = (of: Demands | undefined): boolean =>
  of !== undefined && (of.filled || [...of.is].some((value) => value !== null && value.trim() !== ''));

const demand = (expression: Expression, demands: Map<string, Demands>): void => {
  const of = (name: string): Demands => {
    const known = demands.get(name) ?? { is: new Set(), isNot: new Set(), filled: false, unfilled: false };
    demands.set(name, known);
    return known;
  };
  if (expression.kind === 'variable') of(expression.name).filled = true;
  else if (expression.kind === 'not' && expression.operand.kind === 'variable')
    of(expression.operand.name).unfilled = true;
  else if (expression.kind === 'comparison') {
    const { operator, left, right } = expression;
    const [variable, other] = left.kind === 'variable' ? [left, right] : [right, left];
    const value = literal(other);
    if (variable.kind !== 'variable' || value === undefined) return;
    if (operator === '==') of(variable.name).is.add(value);
    if (operator === '!=') of(variable.name).isNot.add(value);
  }
};

const contradiction = (name: string, { is, isNot, filled, unfilled }: Demands): string | undefined => {
  const [first, second] = is;
  if (filled && unfilled) return `\`$${name}\` cannot be set and not set`;
  if (first === undefined) return undefined;
  if (second !== undefined) return `\`$${name}\` cannot be ${shown(first)} and ${shown(second)}`;
  if (isNot.has(first)) return `\`$${name}\` cannot be ${shown(first)} and something else`;
  const isEmpty = first === null || first.trim() === '';
  if (isEmpty ? filled : unfilled) return `\`$${name}\` cannot be set and not set`;
  const isSource = name === 'CI_PIPELINE_SOURCE' && first !== null;
  return isSource && !Object.hasOwn(SOURCES, first) ? `\`$${name}\` is never ${shown(first)}` : undefined;
};
