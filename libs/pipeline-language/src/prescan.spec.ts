import { describe, expect, it } from '@jest/globals';
import { prescan } from './prescan.ts';
import { Report } from './report.ts';

const codes = (text: string): string[] => {
  const report = new Report('f.yml');
  const admitted = prescan(text, report);
  const found = report.problems().map(({ code }) => code);
  expect(admitted === undefined).toBe(found.length > 0);
  return found;
};

describe('The look at a file before it is parsed', () => {
  it.each([
    ['1,000 balanced and 1,000 open brackets', `a: ${'['.repeat(1000)}${']'.repeat(1000)}\nb: ${'['.repeat(1000)}`],
    ['2,000 open brackets', `a: ${'['.repeat(2000)}`],
    ['dashes 20,000 deep in one line', '- '.repeat(20_000)],
    ['dashes 20,000 deep inside a bracket', `[${'- '.repeat(20_000)}`],
    ['keys 20,000 deep in one line', 'a: '.repeat(20_000)],
    ['question marks 20,000 deep', '? '.repeat(20_000)],
    ['keys inside a brace without a comma', `{${'a: '.repeat(20_000)}`],
    ['brackets and dashes in turn', '[- - - '.repeat(20)],
    ['indentation 700 deep', Array.from({ length: 700 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
    ['brackets hidden behind comments that close them', '[ #]\n'.repeat(100)],
    ['brackets hidden behind quotes that close them', '[ "]", '.repeat(100)],
  ])('refuses %s', (_, text) => expect(codes(text)).toEqual(['too-deep']));

  it.each([
    ['brackets in a command', `a: {script: "${'['.repeat(1000)}"}`],
    ['brackets in a block of script', `a:\n  script: |\n    ${'[{'.repeat(1000)}`],
    ['brackets in a comment', `# ${'['.repeat(1000)}\na: b`],
    ['a long flow list', `a: [${'[x], '.repeat(5000)}]`],
    ['many sections', 'a:\n  b:\n    - c: d\n'.repeat(2000)],
    ['forty levels of indentation', Array.from({ length: 40 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
  ])('admits %s', (_, text) => expect(codes(text)).toEqual([]));

  it('refuses more than 512 KiB, counted in bytes', () => {
    expect(codes('x'.repeat(512 * 1024))).toEqual([]);
    expect(codes('x'.repeat(512 * 1024 + 1))).toEqual(['file-too-large']);
    expect(codes('ä'.repeat(256 * 1024 + 1))).toEqual(['file-too-large']);
  });

  it.each(['a: \0', 'a: \u001b[31m', 'a: \ud800', 'a: \ufffd', '\u0002'])('refuses %j, which is not text', (text) =>
    expect(codes(text)).toEqual(['binary-content']),
  );

  it('says where the character is', () => {
    const report = new Report('f.yml');
    prescan('a: b\nc: \0', report);
    expect(report.problems()).toMatchObject([{ line: 2, column: 4 }]);
  });

  it('refuses a file of too many parts without reading it to the end', () =>
    expect(codes('x,'.repeat(10) + '\n'.repeat(200_000))).toEqual(['too-many-keys']));
});
