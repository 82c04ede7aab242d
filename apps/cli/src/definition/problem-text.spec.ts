import { describe, expect, it } from '@jest/globals';
import type { Problem } from '@foldline/contracts';
import { fixedOf, problemsOf } from './problem-text.ts';

const file = (text: string): Map<string, string> => new Map([['ci.yml', text]]);
const TEXT = file('job:\n\tscript: make\n  rules:\n    - if: $A = "b"\n');
const problem: Problem = {
  code: 'invalid-expression',
  severity: 'error',
  message: 'Job `job`: rules.if: `= "b"` is not understood, at character 4.',
  file: 'ci.yml',
  line: 4,
  column: 14,
  hint: 'Values are compared with `==`.',
};

describe('the problems of a definition, as text', () => {
  it('have the place, the line with a mark below it, and what to do', () => {
    expect(problemsOf([problem], TEXT)).toEqual([
      'ci.yml:4:14 error invalid-expression',
      '  Job `job`: rules.if: `= "b"` is not understood, at character 4.',
      '  3 |   rules:',
      '  4 |     - if: $A = "b"',
      '    |              ^',
      '  Values are compared with `==`.',
      '',
      '1 error, 0 warnings',
    ]);
  });

  it('are counted, also when there are none', () => {
    const warning: Problem = { ...problem, severity: 'warning' };
    expect(problemsOf([], TEXT)).toEqual(['0 errors, 0 warnings']);
    expect(problemsOf([problem, warning, warning], TEXT).at(-1)).toBe('1 error, 2 warnings');
  });

  it('that are told for information are counted by themselves', () => {
    const info: Problem = { ...problem, severity: 'info' };
    expect(problemsOf([problem, info, info], TEXT).at(-1)).toBe('1 error, 0 warnings, 2 info');
  });

  it('that a program can mend are counted, with the way to do so', () => {
    const place = { line: 1, column: 1 };
    const mendable: Problem = { ...problem, fix: { from: place, to: place, text: 'x' } };
    expect(problemsOf([problem, mendable], TEXT).at(-1)).toBe('`foldline lint --fix` mends 1 of them.');
    expect(fixedOf([mendable])).toEqual(['ci.yml:4:14 mended invalid-expression: now `x`']);
  });

  it('move no cursor, whatever the file has in it', () => {
    const lines = problemsOf([{ ...problem, line: 1, column: 1, message: 'a\u001b[2Jb' }], file('\u001b[31mred\u202e'));
    for (const hidden of ['\u001b', '\u202e']) expect(lines.join('')).not.toContain(hidden);
  });
});
