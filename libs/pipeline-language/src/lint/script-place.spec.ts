import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { stringify } from 'yaml';
import { parse } from '../parse.ts';
import { Report } from '../report.ts';
import { placeInScalar } from './script-place.ts';

/** The first scalar behind `a:`, and where in the file the word HERE of it is said to be. */
const placed = (text: string): { value: string; place: { line: number; column: number } } => {
  const node = parse(text, new Report('f.yml'))!.root.entries.get('a')!.value;
  if (node.kind !== 'scalar') throw new Error('no scalar');
  return { value: node.text, place: placeInScalar(text, node.at, node.text, node.text.indexOf('HERE')) };
};
const actual = (text: string) => {
  const before = text.slice(0, text.indexOf('HERE'));
  return { line: before.split('\n').length, column: before.length - before.lastIndexOf('\n') };
};

describe('The place of a word in a scalar', () => {
  it.each([
    ['plain', 'a: one HERE'],
    ['plain over several lines', 'a: one\n  two\n\n  three HERE\n'],
    ['in single quotes', "a: 'it''s ''quoted'' HERE'"],
    ['in single quotes over several lines', "a: 'it''s\n\n  not HERE'"],
    ['in double quotes', 'a: "a \\"b\\" \\\\ \\n\\tc HERE"'],
    ['in double quotes with a folded line', 'a: "one \\\n   two\n  HERE"'],
    ['in a literal block', 'a: |\n\n    one\n      two HERE\n'],
    ['in a literal block with marks behind the `|`', 'a: |2- # why\n   one\n  HERE\n'],
    ['in a folded block', 'a: >-\n  one\n  two\n\n    deeper\n  HERE\n'],
    ['with an anchor', 'a: &x |\n  one HERE\n'],
    ['in brackets', '{ a: one HERE }'],
    ['in lines that end as in Windows', 'a: |\r\n  one\r\n  HERE\r\n'],
    ['behind characters of two units', 'a: "\u{1f600} HERE"'],
  ])('is exact %s', (_, text) => expect(placed(text).place).toEqual(actual(text)));

  it('is the beginning of the scalar where an escape hides it', () =>
    expect(placed('a: "\\x41 HERE"').place).toEqual({ line: 1, column: 4 }));

  it('is the beginning of the scalar where the text is another one', () => {
    expect(placeInScalar(undefined, { line: 7, column: 2 }, 'x', 0)).toEqual({ line: 7, column: 2 });
    expect(placeInScalar('short', { line: 7, column: 2 }, 'x', 0)).toEqual({ line: 7, column: 2 });
    expect(placeInScalar('a: other', { line: 1, column: 4 }, 'x', 0)).toEqual({ line: 1, column: 4 });
  });

  it('is the last character for what is found at the end', () => {
    const text = 'a: |\n  one\n  two\n\n';
    expect(placeInScalar(text, { line: 1, column: 4 }, 'one\ntwo\n', 8)).toEqual({ line: 3, column: 5 });
  });

  it('is exact, or the beginning, however YAML writes the text', () => {
    const words = fc.string({ unit: fc.constantFrom(...'ab \'"\\#:-$\n\t|>é'), maxLength: 40 });
    const styles = fc.constantFrom('PLAIN', 'BLOCK_LITERAL', 'BLOCK_FOLDED', 'QUOTE_SINGLE', 'QUOTE_DOUBLE');
    fc.assert(
      fc.property(words, words, styles, (before, after, defaultStringType) => {
        const text = stringify({ a: `${before}HERE${after}` }, { defaultStringType });
        const { place } = placed(text);
        if (place.line !== 1 || place.column !== 4) expect(place).toEqual(actual(text));
      }),
      { numRuns: 500 },
    );
  });
});
