import { describe, expect, it } from '@jest/globals';
import { found, readPattern } from './pattern.ts';
import { subject } from './read.ts';
import { Report } from './report.ts';

const read = (text: string): { source: string | undefined; codes: string[] } => {
  const report = new Report('f.yml');
  const source = readPattern(text, { line: 1, column: 1 }, subject(report, 'Job `x`'));
  return { source, codes: report.problems().map(({ code }) => code) };
};

describe('A pattern', () => {
  it.each([
    ['/Coverage: (\\d+\\.\\d+)%/', 'Coverage: (\\d+\\.\\d+)%'],
    ['/^release-/i', '(?i)^release-'],
    ['/a\\/b/', 'a\\/b'],
  ])('%s is read', (text, source) => expect(read(text)).toEqual({ source, codes: [] }));

  it.each(['/(?=x)/', '/(a)\\1/', '/(/', '/a{2000}/', 'no slashes', '//', '/a/q', `/${'a'.repeat(1025)}/`])(
    '%s is refused with a problem',
    (text) => expect(read(text)).toEqual({ source: undefined, codes: ['invalid-regex'] }),
  );

  it('that would backtrack for ever elsewhere answers at once', () => {
    const { source } = read('/^(a+)+$/');
    expect(found(source!, `${'a'.repeat(2000)}!`)).toBe(false);
  });
});
