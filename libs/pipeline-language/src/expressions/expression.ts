/** How two values are compared; `=~` and `!~` look for a pattern. */
export type Comparison = '==' | '!=' | '=~' | '!~';

/** A condition of `rules:if` or `only:variables`, as parsed. */
export type Expression =
  | { kind: 'variable'; name: string }
  | { kind: 'text'; text: string }
  | { kind: 'boolean'; value: boolean }
  | { kind: 'null' }
  /** `source` is RE2. */
  | { kind: 'pattern'; source: string }
  | { kind: 'not'; operand: Expression }
  | { kind: 'comparison'; operator: Comparison; left: Expression; right: Expression }
  | { kind: 'and' | 'or'; left: Expression; right: Expression };

/** Why a text is no expression; `offset` counts its characters from 0. */
export class ExpressionError extends Error {
  constructor(
    message: string,
    readonly offset: number,
    readonly hint?: string,
  ) {
    super(message);
  }
}

/** Names of the variables that an expression looks at, each once, in the order of the text. */
export const variablesOf = (expression: Expression): readonly string[] => {
  const known = found.get(expression) ?? [...new Set(namesIn(expression))];
  found.set(expression, known);
  return known;
};

/** Many jobs may share one expression. */
const found = new WeakMap<Expression, readonly string[]>();

const namesIn = (expression: Expression): string[] => {
  if (expression.kind === 'variable') return [expression.name];
  if (expression.kind === 'not') return namesIn(expression.operand);
  return 'left' in expression ? [...namesIn(expression.left), ...namesIn(expression.right)] : [];
};
