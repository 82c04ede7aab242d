import { limits } from '../limits.ts';
import { shorten } from '../node.ts';
import { ExpressionError } from './expression.ts';

export type TokenKind = 'variable' | 'text' | 'pattern' | 'word' | 'operator' | 'end';
/** `text` is what is meant: a variable without its `$`, a text without its quotes. */
export type Token = { kind: TokenKind; text: string; offset: number };

/** One alternative for each kind, none of which can go back over what it has read. */
const TOKEN =
  /(?<space>\s+)|\$(?<variable>\w+)|"(?<double>[^"]*)"|'(?<single>[^']*)'|(?<pattern>\/(?:[^/\\]|\\.)+\/[a-zA-Z]*)|(?<operator>==|!=|=~|!~|&&|\|\||!|\(|\))|(?<word>[A-Za-z_]\w*)/suy;

/** The tokens of an expression, with one of kind `end` behind them. Throws `ExpressionError`. */
export const tokenize = (text: string): Token[] => {
  const tokens: Token[] = [];
  let offset = 0;
  while (offset < text.length) {
    TOKEN.lastIndex = offset;
    const match = TOKEN.exec(text);
    if (!match) throw unknownAt(text, offset);
    const token = tokenOf(match.groups!, offset);
    if (token) tokens.push(token);
    if (tokens.length > limits.expressionTokens)
      throw new ExpressionError(`it has more than ${limits.expressionTokens} parts`, offset);
    offset += match[0].length;
  }
  return [...tokens, { kind: 'end', text: '', offset }];
};

const tokenOf = (groups: Record<string, string | undefined>, offset: number): Token | undefined => {
  const { variable, double, single, pattern, operator, word } = groups;
  if (variable !== undefined) return { kind: 'variable', text: variable, offset };
  if (double !== undefined || single !== undefined) return { kind: 'text', text: (double ?? single)!, offset };
  if (pattern !== undefined) return { kind: 'pattern', text: pattern, offset };
  if (operator !== undefined) return { kind: 'operator', text: operator, offset };
  return word === undefined ? undefined : { kind: 'word', text: word, offset };
};

/** What people write instead, by how it begins. */
const MEANT: readonly (readonly [begins: RegExp, hint: string])[] = [
  [/^\$\{/, 'Write `$NAME`, without braces.'],
  [/^["']/, 'Close the quotes.'],
  [/^\//, 'A pattern is written between slashes, as in `/^release-/`; a slash in it is `\\/`.'],
  [/^=/, 'Values are compared with `==`, patterns with `=~`.'],
  [/^&/, 'Write `&&`.'],
  [/^\|/, 'Write `||`.'],
  [/^\d/, 'Put the value in quotes: variables are texts.'],
];

const unknownAt = (text: string, offset: number): ExpressionError => {
  const rest = text.slice(offset, offset + 60);
  const hint = MEANT.find(([begins]) => begins.test(rest))?.[1];
  return new ExpressionError(`\`${shorten(rest)}\` is not understood`, offset, hint);
};
