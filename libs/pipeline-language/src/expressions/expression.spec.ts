import { describe, expect, it } from '@jest/globals';
import { holds } from './evaluate.ts';
import { ExpressionError, variablesOf } from './expression.ts';
import { found } from '../pattern.ts';
import { parseExpression } from './parse-expression.ts';

const VALUES: Readonly<Record<string, string>> = {
  BRANCH: 'release-1.2',
  EMPTY: '',
  BLANK: '  ',
  TRUE: 'true',
  ONE: '1',
  NAMED: 'release-1.2',
  PATTERN: '/^release-/',
  OPEN_PATTERN: '/(/',
  WORD: 'my-release-1.2-branch',
};
const valueOf = (name: string): string | undefined => VALUES[name];
const scope = { value: valueOf, written: valueOf, isIn: found };
const is = (text: string): boolean => holds(parseExpression(text), scope);
const refusal = (text: string): ExpressionError => {
  try {
    is(text);
  } catch (error) {
    if (error instanceof ExpressionError) return error;
  }
  throw new Error(`${text} is not refused`);
};

describe('a condition', () => {
  it.each([
    ['$BRANCH', true],
    ['$EMPTY', false],
    ['$BLANK', false],
    ['$UNKNOWN', false],
    ['"text"', true],
    ['""', false],
    ['null', false],
    ['true', true],
    ['false', false],
  ])('that is %s alone: %s', (text, expected) => expect(is(text)).toBe(expected));

  it.each([
    ['$BRANCH == "release-1.2"', true],
    ["$BRANCH == 'release-1.2'", true],
    ['"release-1.2" == $BRANCH', true],
    ['$BRANCH == "main"', false],
    ['$BRANCH != "main"', true],
    ['$BRANCH == $NAMED', true],
    ['$BRANCH == $ONE', false],
    ['$UNKNOWN == null', true],
    ['$EMPTY == null', false],
    ['$EMPTY != null', true],
    ['$EMPTY == ""', true],
    ['$UNKNOWN == ""', false],
    ['$UNKNOWN == $UNKNOWN_TOO', true],
    ['$TRUE == true', true],
    ['$TRUE == false', false],
  ])('compares: %s is %s', (text, expected) => expect(is(text)).toBe(expected));

  it.each([
    ['$BRANCH =~ /^release-/', true],
    ['$BRANCH =~ /lease/', true],
    ['$BRANCH =~ /^lease/', false],
    ['$BRANCH !~ /^lease/', true],
    ['$BRANCH =~ /^RELEASE-/', false],
    ['$BRANCH =~ /^RELEASE-/i', true],
    ['$BRANCH =~ /^release-\\d+\\.\\d+$/', true],
    ['"a/b" =~ /^a\\/b$/', true],
    ['$UNKNOWN =~ /^v/', false],
    ['$UNKNOWN !~ /^v/', true],
    ['$UNKNOWN =~ /^$/', true],
    ['$BRANCH =~ $PATTERN', true],
    ['$BRANCH !~ $PATTERN', false],
    ['$BRANCH =~ $UNKNOWN', false],
    ['$BRANCH !~ $UNKNOWN', true],
    ['$BRANCH =~ $WORD', true],
    ['$WORD =~ $BRANCH', false],
    ['"23" =~ "1234"', true],
  ])('looks for patterns: %s is %s', (text, expected) => expect(is(text)).toBe(expected));

  it('takes the pattern of a variable as it is written, without filling in what looks like variables', () => {
    const written = { value: () => 'never', written: () => '/^it$/', isIn: found };
    expect(holds(parseExpression('"it" =~ $PATTERN'), written)).toBe(true);
  });

  it.each([
    ['$BRANCH && $ONE', true],
    ['$BRANCH && $EMPTY', false],
    ['$EMPTY && $BRANCH', false],
    ['$EMPTY || $BRANCH', true],
    ['$EMPTY || $UNKNOWN', false],
    ['$EMPTY || $ONE == "1"', true],
    ['true || true && false', true],
    ['(true || true) && false', false],
    ['$EMPTY == "" && ($UNKNOWN || ($ONE == "1" && $BRANCH =~ /^r/))', true],
    ['!$EMPTY', true],
    ['!$BRANCH', false],
    ['!!$BRANCH', true],
    ['!($EMPTY || $UNKNOWN)', true],
    ['!$BRANCH == "release-1.2"', false],
    ['!$BRANCH == false', true],
    ['true==true&&true', true],
    ['\n  $BRANCH\n  &&\n  $ONE\n', true],
  ])('joins: %s is %s', (text, expected) => expect(is(text)).toBe(expected));

  it.each([
    ['', 0, 'it ends too early'],
    ['$A ==', 5, 'it ends too early'],
    ['$A == main', 6, '`main` is neither a variable nor a text'],
    ['CI_COMMIT_TAG', 0, '`CI_COMMIT_TAG` is neither a variable nor a text'],
    ['$A = "b"', 3, '`= "b"` is not understood'],
    ['$A & $B', 3, '`& $B` is not understood'],
    ['${A}', 0, '`${A}` is not understood'],
    ['$A == "b', 6, '`"b` is not understood'],
    ['$A == 1', 6, '`1` is not understood'],
    ['$A =~ /b', 6, '`/b` is not understood'],
    ['($A', 0, 'a bracket is not closed'],
    ['$A)', 2, '`)` cannot stand there'],
    ['$A "b"', 3, '`b` cannot stand there'],
    ['&& $A', 0, '`&&` cannot stand there'],
    ['()', 1, '`)` cannot stand there'],
    ['/a/', 0, 'nothing is compared with the pattern'],
    ['$A == /a/', 6, 'nothing is compared with the pattern'],
    ['$A =~ /a(?=b)/', 6, expect.stringMatching(/^the pattern cannot be used: /)],
    ['$A =~ /a/q', 6, 'the flags `q` are not known'],
    ['$A =~ $OPEN_PATTERN', 0, '`$OPEN_PATTERN` holds a pattern that cannot be used'],
    ['$A\u0000', 2, '`\u0020` is not understood'],
  ])('is refused with the place and what to do: %j', (text, offset, message) => {
    const refused = refusal(text);
    expect({ offset: refused.offset, message: refused.message }).toEqual({ offset, message });
  });

  it.each(['$A = "b"', '$A & $B', '$A | $B', '${A}', '$A == "b', '$A == 1', '$A == main', '/a/', '(', '$A "b"'])(
    'that is refused says what to write instead: %s',
    (text) => expect(refusal(text).hint).toMatch(/^[A-Z`].+\.$/),
  );

  it('has a bounded number of parts', () => {
    const of = (count: number): string => Array.from({ length: count }, () => '$ONE').join(' && ');
    expect(is(of(100))).toBe(true);
    expect(refusal(of(101)).message).toBe('it has more than 200 parts');
    expect(refusal('('.repeat(100_000)).message).toBe('it has more than 200 parts');
  });

  it('names the variables that it looks at, each once', () => {
    expect(variablesOf(parseExpression('$B == "x" && !($A || $B =~ $C)'))).toEqual(['B', 'A', 'C']);
  });
});
