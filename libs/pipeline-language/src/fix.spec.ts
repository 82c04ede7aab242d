import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { Problem } from '@foldline/contracts';
import { compile } from './compile.ts';
import { lint } from './lint/lint.ts';
import { applyFixes, replacement } from './fix.ts';
import { suggestion } from './suggest.ts';

const mended = (text: string): { text: string; left: Problem[] } => {
  const fixes = lint('f.yml', text).flatMap(({ fix }) => (fix ? [fix] : []));
  const { text: after } = applyFixes(text, fixes);
  return { text: after, left: lint('f.yml', after) };
};

describe('A problem that a program can mend', () => {
  it.each([
    ['a misspelt keyword of a job', 'a:\n  scirpt: make # builds\n', 'a:\n  script: make # builds\n'],
    ['a misspelt keyword in quotes', 'a: {"scirpt": make}', 'a: {"script": make}'],
    ['a misspelt keyword in brackets', 'a: { script: make, tmeout: 5m }', 'a: { script: make, timeout: 5m }'],
    ['a misspelt value', 'a: { script: make, when: allways }', 'a: { script: make, when: always }'],
    [
      'a misspelt job in needs',
      'build: {script: x}\na: {script: x, needs: [biuld]}',
      'build: {script: x}\na: {script: x, needs: [build]}',
    ],
    [
      'a misspelt job in needs, as a map and with a line break of Windows',
      'build: {script: x}\r\na:\r\n  script: x\r\n  needs:\r\n    - job: biuld\r\n',
      'build: {script: x}\r\na:\r\n  script: x\r\n  needs:\r\n    - job: build\r\n',
    ],
    [
      'a misspelt job in dependencies',
      "build: {script: x, stage: build, artifacts: {paths: [a]}}\na: {script: x, dependencies: ['biuld']}",
      "build: {script: x, stage: build, artifacts: {paths: [a]}}\na: {script: x, dependencies: ['build']}",
    ],
    ['a misspelt template', '.npm: {script: x}\na: {extends: .nmp}', undefined],
    [
      'a misspelt job in extends',
      'build: {script: x}\na:\n  extends:\n  - biuld\n',
      'build: {script: x}\na:\n  extends:\n  - build\n',
    ],
    [
      'a coverage pattern that YAML would break',
      'a:\n  script: x\n  coverage: /X: "(\\d+)\'/\n',
      "a:\n  script: x\n  coverage: '/X: \"(\\d+)''/'\n",
    ],
    ['two mistakes in one line', 'a: { scirpt: x, tmeout: 5m }', 'a: { script: x, timeout: 5m }'],
  ])('is %s', (_, before, after) => {
    expect(mended(before).text).toBe(after ?? before.replace('.nmp', '.npm'));
    expect(mended(before).left).toEqual([]);
  });

  it('is none where the mistake is in what a reference stands for', () =>
    expect(lint('f.yml', '.a: {script: x}\nb: {script: !reference [.a, scirpt]}')).toMatchObject([
      { code: 'invalid-reference', hint: 'Did you mean `script`?' },
    ]));

  it('is none where what was meant would need quotes', () =>
    expect(replacement('x', { line: 1, column: 1 }, suggestion('x', 'a: b'))).toBeUndefined());

  it('is none where more than the word stands there', () => {
    expect(replacement('xyz: 1', { line: 1, column: 1 }, suggestion('xy', 'ab'))).toBeUndefined();
    expect(replacement('xy-z', { line: 1, column: 1 }, suggestion('xy', 'ab'))).toBeUndefined();
    expect(replacement('xy', { line: 2, column: 1 }, suggestion('xy', 'ab'))).toBeUndefined();
  });

  it('is told in plans, too', () => {
    const ref = { name: 'main', kind: 'branch' } as const;
    const text = 'a:\n  script: x\n  coverage: /X: (\\d+)/\n';
    const result = compile({ file: 'f.yml', text, trigger: { ref, source: 'push', variables: {} } });
    expect(result).toMatchObject({
      plan: {
        warnings: [{ fix: { from: { line: 3, column: 13 }, to: { line: 3, column: 23 }, text: "'/X: (\\d+)/'" } }],
      },
    });
  });
});

describe('Fixes', () => {
  const fix = (from: number, to: number, text: string) => ({
    from: { line: 1, column: from },
    to: { line: 1, column: to },
    text,
  });

  it('that are about the same characters are not both made', () =>
    expect(applyFixes('abcdef', [fix(3, 5, 'Y'), fix(1, 4, 'X')])).toEqual({
      text: 'Xdef',
      applied: [fix(1, 4, 'X')],
    }));

  it('leave everything else as it is, whatever the text', () =>
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '\n', '\r\n', '\u00e9', '\u{1f600}', '\t') }),
        fc.string(),
        (before, after) => {
          const at = { line: before.split('\n').length, column: before.length - before.lastIndexOf('\n') };
          const to = { ...at, column: at.column + 4 };
          expect(applyFixes(`${before}HERE${after}`, [{ from: at, to, text: 'there' }]).text).toBe(
            `${before}there${after}`,
          );
        },
      ),
    ));

  it('behind the end of the text are not made', () =>
    expect(applyFixes('a', [{ from: { line: 3, column: 1 }, to: { line: 3, column: 2 }, text: 'x' }])).toEqual({
      text: 'a',
      applied: [],
    }));
});
