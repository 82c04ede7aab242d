import { describe, expect, it } from '@jest/globals';
import { parse } from './parse.ts';
import { Report } from './report.ts';

const problemsOf = (text: string): string[] => {
  const report = new Report('f.yml');
  expect(parse(text, report) === undefined).toBe(report.failed);
  return report.problems().map(({ code, line, column }) => `${code} ${line}:${column}`);
};

describe('A file', () => {
  it.each([
    ['after a separator', 'a: 1\n---\nb: 2\n', ['multiple-documents 2:1']],
    ['after an end mark', 'a: 1\n...\nb: 2\n', ['multiple-documents 3:1']],
    ['that is empty', 'a: 1\n---\n', ['multiple-documents 2:1']],
    ['after one that is empty', '---\n---\na: 1\n', ['multiple-documents 2:1']],
    ['after one that is broken', 'a: [\n---\nb: 1\n', ['yaml-syntax 2:1', 'multiple-documents 2:1']],
  ])('with a second document %s is refused where that begins', (_, text, expected) =>
    expect(problemsOf(text)).toEqual(expected),
  );

  it.each([
    ['begins with a separator', '---\na: 1\n'],
    ['ends with an end mark', 'a: 1\n...\n'],
    ['has a directive', '%YAML 1.2\n---\na: 1\n'],
    ['has dashes inside a block of script', 'a: |\n  cat <<X\n  ---\n  X\n'],
  ])('that %s is one document', (_, text) => expect(problemsOf(text)).toEqual([]));
});
