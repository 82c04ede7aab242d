import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { holds } from '../expressions/evaluate.ts';
import { parseExpression } from '../expressions/parse-expression.ts';
import { found } from '../pattern.ts';
import { whyNever } from './never-holds.ts';

const why = (text: string): string | undefined => whyNever(parseExpression(text));

describe('A condition that can never hold', () => {
  it.each([
    ['$A == "a" && $A == "b"', '`$A` cannot be `"a"` and `"b"`'],
    ['"a" == $A && ($B || $C) && $A == null', '`$A` cannot be `"a"` and `null`'],
    ['$A == "a" && $A != "a"', '`$A` cannot be `"a"` and something else'],
    ['$A && !$A', '`$A` cannot be set and not set'],
    ['$A == "" && $A', '`$A` cannot be set and not set'],
    ['$A == "a" && !$A', '`$A` cannot be set and not set'],
    ['$CI_PIPELINE_SOURCE == "merge_request_event"', '`$CI_PIPELINE_SOURCE` is never `"merge_request_event"`'],
    ['$CI_COMMIT_BRANCH == "main" && $CI_COMMIT_TAG', 'a pipeline is for a branch or for a tag'],
    ['"a" == "b"', '`"a"` is never `"b"`'],
    ['"a" != "a"', '`"a"` is always `"a"`'],
    ['false', '`false` never holds'],
    ['$A && null', '`null` is nothing'],
    ['$A && ""', 'an empty text never holds'],
    ['false || $A == "a" && $A == "b"', '`false` never holds'],
  ])('is known: %s', (text, reason) => expect(why(text)).toContain(reason));

  it.each([
    ['$A == "a" || $A == "b"'],
    ['$A != "a" && $A != "b"'],
    ['$A == "a" && $A =~ /b/'],
    ['$A == $B && $A != $B'],
    ['$A == " " && !$A'],
    ['$A == null && !$A'],
    ['$CI_PIPELINE_SOURCE == "push"'],
    ['$CI_PIPELINE_SOURCE != "merge_request_event"'],
    ['$CI_COMMIT_BRANCH || $CI_COMMIT_TAG'],
    ['$CI_COMMIT_BRANCH != "main" && $CI_COMMIT_TAG'],
    ['"a" == "a"'],
    ['true == "true"'],
    ['!false'],
  ])('is not seen where there may be one that holds: %s', (text) => expect(why(text)).toBeUndefined());

  it('never holds, whatever the values', () => {
    const value = fc.constantFrom('"a"', '"b"', '""', '" "', 'null', 'true', '$A', '$B');
    const atom = fc.oneof(
      value.map((text) => (text.startsWith('$') ? text : `(${text})`)),
      fc.constantFrom('!$A', '!$B'),
      fc.tuple(fc.constantFrom('$A', '$B', '"a"'), fc.constantFrom('==', '!='), value).map((three) => three.join(' ')),
    );
    const { condition } = fc.letrec<{ condition: string }>((tie) => ({
      condition: fc.oneof(
        { maxDepth: 4 },
        atom,
        fc
          .tuple(tie('condition'), fc.constantFrom('&&', '||'), tie('condition'))
          .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
      ),
    }));
    const set = fc.constantFrom<(string | undefined)[]>('a', 'b', '', ' ', 'true', undefined);
    fc.assert(
      fc.property(condition, set, set, (text, a, b) => {
        const values: Record<string, string | undefined> = { A: a, B: b };
        const valueOf = (name: string) => values[name];
        const scope = { value: valueOf, written: valueOf, isIn: found };
        const expression = parseExpression(text);
        if (whyNever(expression)) expect(holds(expression, scope)).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });
});
