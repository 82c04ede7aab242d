import { describe, expect, it } from '@jest/globals';
import { limits } from './limits.ts';
import { problemHints } from './problem-hints.ts';
import { Report } from './report.ts';

const at = (line: number) => ({ line, column: 1 });

describe('A report', () => {
  it('lists problems in the order of the file', () => {
    const report = new Report('f.yml');
    report.error('wrong-type', at(9), 'late');
    report.warn('coverage-quoted', at(2), 'early', 'do this');
    expect(report.problems()).toEqual([
      {
        code: 'coverage-quoted',
        severity: 'warning',
        message: 'early',
        file: 'f.yml',
        line: 2,
        column: 1,
        hint: 'do this',
      },
      {
        code: 'wrong-type',
        severity: 'error',
        message: 'late',
        file: 'f.yml',
        line: 9,
        column: 1,
        hint: problemHints['wrong-type'],
      },
    ]);
  });

  it('has not failed while there are only warnings', () => {
    const report = new Report('f.yml');
    report.warn('coverage-quoted', at(1), 'x');
    expect(report.failed).toBe(false);
    report.error('wrong-type', at(1), 'x');
    expect(report.failed).toBe(true);
  });

  it('tells the same mistake once', () => {
    const report = new Report('f.yml');
    report.error('wrong-type', at(1), 'x');
    report.error('wrong-type', at(1), 'x');
    expect(report.problems()).toHaveLength(1);
  });

  it('lists no warning in the place of an error', () => {
    const report = new Report('f.yml');
    for (let line = 1; line <= limits.problems + 3; line++) report.warn('planned-only', at(line), 'x');
    report.error('wrong-type', at(1000), 'last');
    expect(report.problems()).toHaveLength(limits.problems + 1);
    expect(report.problems().at(-2)).toMatchObject({ code: 'wrong-type', message: 'last' });
    expect(report.problems().at(-1)).toMatchObject({ severity: 'error', message: '4 more problems are not listed' });
  });

  it('tells what several jobs share once, of the first of them, with how many more there are', () => {
    const report = new Report('f.yml');
    for (const job of ['a', 'a', 'b', 'c: d']) report.error('wrong-type', at(1), `Job \`${job}\`: script is no text.`);
    for (const job of ['a', 'b', 'a']) report.warn('needs-missing-job', at(2), `Job \`${job}\` needs \`x\`.`);
    report.error('wrong-type', at(3), 'Job `a`: script is no text.');
    expect(report.problems().map(({ message }) => message)).toEqual([
      'Job `a` (and 2 more): script is no text.',
      'Job `a` (and 1 more) needs `x`.',
      'Job `a`: script is no text.',
    ]);
  });

  it('keeps apart what is wrong for one job in another way than for the next', () => {
    const report = new Report('f.yml');
    report.error('unknown-stage', at(1), 'Job `a` is in the stage `x`.');
    report.error('unknown-stage', at(1), 'Job `b` is in the stage `y`.');
    expect(report.problems()).toHaveLength(2);
  });

  it('says how many problems it leaves out', () => {
    const report = new Report('f.yml');
    for (let line = 1; line <= limits.problems + 7; line++) report.error('wrong-type', at(line), 'x');
    expect(report.problems()).toHaveLength(limits.problems + 1);
    expect(report.problems().at(-1)).toMatchObject({
      code: 'too-many-problems',
      message: '7 more problems are not listed',
    });
  });
});
