import { describe, expect, it } from '@jest/globals';
import { Report } from './report.ts';
import { tolerateUnquotedCoverage } from './tolerate.ts';

const tolerate = (text: string) => {
  const report = new Report('f.yml');
  const { text: replaced, restored } = tolerateUnquotedCoverage(text, report);
  return { replaced, restored: [...restored], warnings: report.problems() };
};

describe('An unquoted coverage pattern', () => {
  it('with a colon is replaced by a text of the same length, with a warning', () => {
    const text = 'a:\n  coverage: /X: (\\d+)/\n  script: x\n';
    const { replaced, restored, warnings } = tolerate(text);
    expect(replaced).toHaveLength(text.length);
    expect(restored).toEqual([[15, '/X: (\\d+)/']]);
    expect(warnings).toMatchObject([{ code: 'coverage-quoted', line: 2, column: 13, severity: 'warning' }]);
  });

  it('with single quotes gets a hint that doubles them', () =>
    expect(tolerate("coverage: /it's: (\\d+)/").warnings).toMatchObject([
      { hint: "Write `coverage: '/it''s: (\\d+)/'`." },
    ]));

  it('that is valid YAML is left alone', () =>
    expect(tolerate('coverage: /All files\\s+([\\d.]+)/ # a: comment')).toMatchObject({ restored: [], warnings: [] }));

  it.each([
    ['in a block of script', 'a:\n  script: |\n    coverage: /X: y/\n'],
    ['in a text over several lines', 'a: "\n  coverage: /X: y/\n"\n'],
    ['in a comment', '# coverage: /X: y/\na: b\n'],
  ])('%s is not one', (_, text) => expect(tolerate(text)).toEqual({ replaced: text, restored: [], warnings: [] }));

  it('is found again after one whose quote would hide the rest of the file', () => {
    const text = 'a:\n  coverage: /X: "(\\d+)/\nb:\n  coverage: /Y: (\\d+)"/\n';
    expect(tolerate(text).warnings.map(({ line }) => line)).toEqual([2, 4]);
  });
});
