import { describe, expect, it } from '@jest/globals';
import { codeFrame } from './code-frame.ts';

const frame = (text: string, line: number, column: number): string[] => codeFrame({ line, column }, text.split('\n'));
const markedBy = (rows: readonly string[]): string => rows.at(-2)!.slice(rows.at(-1)!.indexOf('^'));

describe('The frame of a place', () => {
  it('is the line before, the line, and a mark under the place', () =>
    expect(frame('job:\n  scirpt: make\n', 2, 3)).toEqual(['  1 | job:', '  2 |   scirpt: make', '    |   ^']));

  it('has no line before the first one, and none that is empty', () => {
    expect(frame('job: 1', 1, 6)).toEqual(['  1 | job: 1', '    |      ^']);
    expect(frame('a:\n\njob: 1', 3, 1)).toEqual(['  3 | job: 1', '    | ^']);
  });

  it('keeps numbers of different length in line', () =>
    expect(frame(`${'\n'.repeat(8)}nine\nten`, 10, 1)).toEqual(['   9 | nine', '  10 | ten', '     | ^']));

  it('is none for a place that the text does not have', () => {
    expect(frame('a', 7, 1)).toEqual([]);
    expect(frame('a\n', 2, 1)).toEqual([]);
  });

  it('marks the place behind the end of a line', () =>
    expect(frame('abc', 1, 6)).toEqual(['  1 | abc', '    |      ^']));

  it.each([
    ['an escape sequence', '\u001b[31m', '<U+001B>[31m'],
    ['what turns the text around', '\u202e', '<U+202E>'],
    ['a space that is none to YAML', '\u00a0', '<U+00A0>'],
    ['a line separator', '\u2028', '<U+2028>'],
    ['a character without a width', '\u200b', '<U+200B>'],
  ])('shows %s, and still marks the place', (_, hidden, shown) => {
    const rows = frame(`a${hidden}HERE`, 1, 2 + hidden.length);
    expect(rows[0]).toBe(`  1 | a${shown}HERE`);
    expect(markedBy(rows)).toBe('HERE');
  });

  it('counts characters as wide as a terminal shows them', () => {
    expect(frame('日本: x', 1, 5)).toEqual(['  1 | 日本: x', '    |       ^']);
    expect(frame('e\u0301: x', 1, 5)).toEqual(['  1 | e\u0301: x', '    |    ^']);
  });

  it('shows the part of long lines that is meant', () => {
    const rows = frame(`${'w'.repeat(900)}\n${'x'.repeat(500)}HERE${'y'.repeat(500)}`, 2, 501);
    expect(rows).toHaveLength(3);
    for (const row of rows) expect(row.length).toBeLessThan(200);
    expect(markedBy(rows).startsWith('HERE')).toBe(true);
    expect(rows[1]).toMatch(/… *$|…$/);
  });

  it('stays short, however much of the line is hidden', () => {
    const rows = frame('\u202e'.repeat(100_000), 1, 50_000);
    for (const row of rows) expect(row.length).toBeLessThan(400);
    expect(rows.at(-1)).toContain('^');
  });
});
