import { describe, expect, it } from '@jest/globals';
import { CoverageScanner } from './coverage.ts';

const coverageOf = (pattern: string, ...output: (string | Buffer)[]): number | undefined => {
  const scanner = new CoverageScanner(pattern);
  for (const chunk of output) scanner.push(Buffer.from(chunk));
  return scanner.percentage();
};
/** Milliseconds of processor time that the work takes. */
const cost = (work: () => unknown): number => {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
};
const JEST = String.raw`All files\s+\|\s+([\d.]+)`;

describe('The coverage of a job', () => {
  it.each([
    [JEST, 'All files          |   87.5 |    80 |\n', 87.5],
    [String.raw`Coverage: \d+\.\d+%`, 'Coverage: 92.31%', 92.31],
    [String.raw`TOTAL.*?(\d+)%$`, 'TOTAL 100 13 87%', 87],
    [String.raw`(\d+)%|(\d+) percent`, '3 percent', undefined],
    [String.raw`coverage: (?:about )?(\d+)`, 'coverage: about 7 of 10', 7],
    ['none', 'some output', undefined],
    ['(x*)', 'no figure', undefined],
  ])('that %s finds in %j is %s', (pattern, output, expected) => {
    expect(coverageOf(pattern, output)).toBe(expected);
  });

  it('is the last figure: of the last line that has one, and of its last match', () => {
    expect(coverageOf(String.raw`(\d+)%`, '10%\n20% 30%\nno figure\n')).toBe(30);
  });

  it('is found however the output was cut into pieces', () => {
    expect(coverageOf(JEST, ...'All files | 87.5'.split(''))).toBe(87.5);
  });

  it('is nothing without output', () => {
    expect(coverageOf(JEST)).toBeUndefined();
  });

  it('is looked for near the end of the output only', () => {
    expect(coverageOf(JEST, 'All files | 50\n', Buffer.alloc(1024 * 1024, 'x'), '\n')).toBeUndefined();
    expect(coverageOf(JEST, Buffer.alloc(5 * 1024 * 1024, 'x\n'), 'All files | 50\n')).toBe(50);
  });

  it('costs little whatever the pattern and the output', () => {
    const spaces = Buffer.from(`${' '.repeat(100_000)}\n`.repeat(10));
    const rows = [String.raw`\s+\|\s+([\d.]+)`, '(a+)+$', '(a|aa)*b'];
    for (const pattern of rows) {
      const output = Buffer.concat([spaces, Buffer.alloc(60_000, 'a')]);
      expect({ pattern, fast: cost(() => coverageOf(pattern, output)) < 3_000 }).toEqual({ pattern, fast: true });
    }
  });

  it('costs little also when the output comes in very many pieces', () => {
    const line = Buffer.from(`${'x'.repeat(99)}\n`);
    const scanner = new CoverageScanner(JEST);

    expect(
      cost(() => {
        for (let n = 0; n < 100_000; n += 1) scanner.push(line);
      }),
    ).toBeLessThan(1_500);
  });

  it('is nothing in bytes that are no text', () => {
    expect(coverageOf(JEST, Buffer.from([0xff, 0xfe, 0, 0x80]))).toBeUndefined();
  });
});
