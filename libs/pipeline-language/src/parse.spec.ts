import { describe, expect, it } from '@jest/globals';
import { lint } from './lint/lint.ts';
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

describe('A file that was read before', () => {
  it('is not parsed again', () => {
    const text = 'a: { script: make }\n';
    expect(parse(text, new Report('f.yml'))).toBe(parse(text, new Report('g.yml')));
  });

  it('is read anew where its name says that it is in another dialect', () => {
    const text = 'a:\n  parallel: 2\n  script: [run --shard=$CI_NODE_INDEX/$CI_NODE_TOTAL]\n';
    const codesIn = (file: string) => lint(file, text).map(({ code }) => code);
    expect(codesIn('.gitlab-ci.yml')).toEqual([]);
    expect(codesIn('.codara-ci.yml')).toEqual(['shard-index-zero']);
  });

  it('that is included has places of its own', () => {
    const [text, report] = ['b: { script: make }\n', new Report('f.yml')];
    expect(parse(text, report)?.root.at).toEqual({ line: 1, column: 1 });
    expect(parse(text, report, 'ci/b.yml')?.root.at).toEqual({ line: 1, column: 1, file: 'ci/b.yml' });
  });

  it('is told what is wrong with it each time', () => {
    const text = 'a: { script: make, coverage: /A: b/ }\na: 1\n';
    expect(problemsOf(text)).not.toEqual([]);
    expect(problemsOf(text)).toEqual(problemsOf(text));
  });
});
