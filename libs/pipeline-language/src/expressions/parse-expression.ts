import { shorten } from '../node.ts';
import { patternOf } from '../pattern.ts';
import { remembering } from '../remembering.ts';
import { ExpressionError, type Comparison, type Expression } from './expression.ts';
import { tokenize, type Token } from './tokenize.ts';

/**
 * Parses a condition as GitLab's `rules:if` has it: `!` binds closest, then comparisons, then `&&`, then `||`, all from
 * the left; brackets group. Throws `ExpressionError`.
 */
export const parseExpression = remembering((text): Expression => new Parser(tokenize(text)).whole());

const comparisons: readonly string[] = ['==', '!=', '=~', '!~'] satisfies Comparison[];
const looksFor = (operator: Comparison): boolean => operator === '=~' || operator === '!~';
const isComparison = (text: string): text is Comparison => comparisons.includes(text);

const operand = 'A variable (`$NAME`), a text in quotes or `null` is expected here.';

class Parser {
  #at = 0;

  constructor(readonly tokens: readonly Token[]) {}

  whole(): Expression {
    const expression = this.#or();
    const rest = this.#next;
    if (rest.kind !== 'end') throw this.#unexpected(rest, '`&&`, `||` or a comparison is expected here.');
    return expression;
  }

  #or(): Expression {
    let left = this.#and();
    while (this.#takes('||')) left = { kind: 'or', left, right: this.#and() };
    return left;
  }

  #and(): Expression {
    let left = this.#comparison();
    while (this.#takes('&&')) left = { kind: 'and', left, right: this.#comparison() };
    return left;
  }

  #comparison(): Expression {
    let left = this.#unary();
    for (let { kind, text } = this.#next; kind === 'operator' && isComparison(text); { kind, text } = this.#next) {
      this.#at += 1;
      left = { kind: 'comparison', operator: text, left, right: this.#unary(looksFor(text)) };
    }
    return left;
  }

  /** A pattern means something only to the right of `=~` and `!~`. */
  #unary(mayBePattern = false): Expression {
    return this.#takes('!') ? { kind: 'not', operand: this.#unary() } : this.#operand(mayBePattern);
  }

  #operand(mayBePattern: boolean): Expression {
    const token = this.#next;
    this.#at += 1;
    if (token.kind === 'variable') return { kind: 'variable', name: token.text };
    if (token.kind === 'text') return { kind: 'text', text: token.text };
    if (token.kind === 'pattern') return pattern(token, mayBePattern);
    if (token.text === '(' && token.kind === 'operator') return this.#group(token);
    if (token.kind === 'word') return word(token);
    throw this.#unexpected(token, operand);
  }

  #group(open: Token): Expression {
    const inner = this.#or();
    if (this.#takes(')')) return inner;
    if (this.#next.kind === 'end')
      throw new ExpressionError('a bracket is not closed', open.offset, 'Close it with `)`.');
    throw this.#unexpected(this.#next, '`)`, `&&`, `||` or a comparison is expected here.');
  }

  #takes(operator: string): boolean {
    const { kind, text } = this.#next;
    if (kind !== 'operator' || text !== operator) return false;
    this.#at += 1;
    return true;
  }

  get #next(): Token {
    return this.tokens[this.#at]!;
  }

  #unexpected({ kind, text, offset }: Token, hint: string): ExpressionError {
    const what = kind === 'end' ? 'it ends too early' : `\`${shorten(text)}\` cannot stand there`;
    return new ExpressionError(what, offset, hint);
  }
}

const word = ({ text, offset }: Token): Expression => {
  if (text === 'null') return { kind: 'null' };
  if (text === 'true' || text === 'false') return { kind: 'boolean', value: text === 'true' };
  const hint = `Write \`$${text}\` for the variable, or \`"${text}"\` for the text.`;
  throw new ExpressionError(`\`${shorten(text)}\` is neither a variable nor a text`, offset, hint);
};

const pattern = ({ text, offset }: Token, isLookedFor: boolean): Expression => {
  if (!isLookedFor)
    throw new ExpressionError('nothing is compared with the pattern', offset, 'Write `$NAME =~ /pattern/`.');
  const read = patternOf(text);
  if ('source' in read) return { kind: 'pattern', source: read.source };
  throw new ExpressionError(read.why, offset, read.hint);
};
