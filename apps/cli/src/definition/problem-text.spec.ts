import { describe, expect, it } from '@jest/globals';
import type { Problem } from '@foldline/contracts';
import { problemsOf } from './problem-text.ts';

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

  it('show no line where there is none', () => {
    expect(problemsOf([{ ...problem, line: 99 }], TEXT)).not.toContainEqual(expect.stringContaining('|'));
    expect(problemsOf([{ ...problem, line: 5, column: 1 }], TEXT)).not.toContainEqual(expect.stringContaining('|'));
  });

  it('show the part of a long line that is meant', () => {
    const long = `${'x'.repeat(500)}HERE${'y'.repeat(500)}`;
    const [, , line, mark] = problemsOf([{ ...problem, line: 1, column: 501 }], file(long));
    expect(line!.length).toBeLessThan(200);
    expect(line!.slice(mark!.indexOf('^')).startsWith('HERE')).toBe(true);
  });

  it('move no cursor, whatever the file has in it', () => {
    const lines = problemsOf([{ ...problem, line: 1, column: 1, message: 'a\u001b[2Jb' }], file('\u001b[31mred\u202e'));
    for (const hidden of ['\u001b', '\u202e']) expect(lines.join('')).not.toContain(hidden);
  });
});
