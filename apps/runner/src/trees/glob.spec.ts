import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { Refusal } from '@foldline/kernel';
import { compileGlob } from './glob.ts';

const matches = (pattern: string, path: string): boolean => compileGlob(pattern).matches(path);

describe('A path pattern', () => {
  it.each([
    ['dist', 'dist', true],
    ['dist', 'dist/a/b.js', true],
    ['dist', 'dist2', false],
    ['dist', 'a/dist', false],
    ['*.log', 'a.log', true],
    ['*.log', '.log', true],
    ['*.log', 'a/b.log', false],
    ['*.log', 'a.log.gz', false],
    ['*.log', 'logs.log/inner', true],
    ['*', '.env', true],
    ['*', 'a', true],
    ['**/*.map', 'a.map', true],
    ['**/*.map', 'a/b/c.map', true],
    ['**/*.map', 'a/b/cmap', false],
    ['a/**/z', 'a/z', true],
    ['a/**/z', 'a/b/c/z', true],
    ['a/**/z', 'az', false],
    ['a/**', 'a/b/c', true],
    ['a/**', 'b/a/c', false],
    ['**', 'any/thing', true],
    ['a**z', 'a/b/z', true],
    ['?.txt', 'a.txt', true],
    ['?.txt', '機.txt', true],
    ['?.txt', '😀.txt', true],
    ['?.txt', 'ab.txt', false],
    ['a?b', 'a/b', false],
    ['.*', '.git', true],
    ['.*', 'git', false],
    ['{a,b}.txt', 'b.txt', true],
    ['{a,b}.txt', 'c.txt', false],
    ['{a,b/c}/d', 'b/c/d', true],
    ['{a,{b,c}}.x', 'c.x', true],
    ['{*.js,*.ts}', 'x.ts', true],
    ['{a', '{a', true],
    ['a,b}', 'a,b}', true],
    ['{a,{b}', 'b', true],
    ['[a-c].txt', 'b.txt', true],
    ['[a-c].txt', 'd.txt', false],
    ['[!a-c].txt', 'd.txt', true],
    ['[!a-c].txt', 'b.txt', false],
    ['[^a].txt', 'a.txt', false],
    ['[a^].txt', '^.txt', true],
    ['x[!a]y', 'x/y', false],
    ['[!-a]', '5', true],
    ['[!-a]', '-', false],
    ['[a-]', '-', true],
    ['[a-]', 'b', false],
    ['[-]', '-', true],
    ['[!a-]', 'b', true],
    ['[]', '[]', true],
    ['[a', '[a', true],
    ['größe/*.機', 'größe/x.機', true],
    ['my file*.txt', 'my file 1.txt', true],
    ['a.b', 'axb', false],
    ['a+b(c)|$^', 'a+b(c)|$^', true],
    ['a+b', 'aab', false],
    ['(a|b)', 'a', false],
    ['a\nb', 'a\nb', true],
    ['\\d', '5', false],
    ['a/*', 'a/x\ny', true],
  ])('%j against %j: %s', (pattern, path, expected) => {
    expect(matches(pattern, path)).toBe(expected);
  });

  it.each([
    ['dist', 'dist'],
    ['dist/a/*.js', 'dist/a'],
    ['dist/a*/b', 'dist'],
    ['*.log', ''],
    ['a/{b,c}', 'a'],
    ['a/b[12]', 'a'],
    ['a?', ''],
    ['', ''],
  ])('%j can only match below %j', (pattern, base) => {
    expect(compileGlob(pattern).base).toBe(base);
  });

  it('is a refusal when it says nothing', () => {
    expect(() => compileGlob('[z-a]')).toThrow(Refusal);
    expect(() => compileGlob('a'.repeat(1025))).toThrow(Refusal);
  });

  it('stays fast whatever it is and whatever it meets', () => {
    const name = 'a'.repeat(1000);
    for (const pattern of ['*a*a*a*a*a*a*a*a*a*b', `${'**/'.repeat(100)}b`, '{a,aa}'.repeat(100) + 'b']) {
      const glob = compileGlob(pattern);
      const before = process.cpuUsage();
      for (let n = 0; n < 20; n += 1) glob.matches(name);
      const { user } = process.cpuUsage(before);
      expect({ pattern, fast: user / 20_000 < 250 }).toEqual({ pattern, fast: true });
    }
  });

  it('without anything special matches itself and what lies below it', () => {
    const plain = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((text) => !/[*?[{]/.test(text));
    fc.assert(
      fc.property(plain, (text) => {
        expect([matches(text, text), matches(text, `${text}/x`)]).toEqual([true, true]);
      }),
    );
  });

  it('compiles or is refused, whatever it is', () => {
    const odd = fc.string({ unit: fc.constantFrom(...'a*?[]{}!^,-/.\\()+|$😀') });
    fc.assert(
      fc.property(odd, odd, (pattern, path) => {
        try {
          expect(typeof matches(pattern, path)).toBe('boolean');
        } catch (error) {
          expect(error).toBeInstanceOf(Refusal);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
