import { describe, expect, it } from '@jest/globals';
import { normalizeGlob, regexOfGlob } from './globs.ts';

describe('A path pattern', () => {
  it.each([
    ['dist', 'dist'],
    ['*.log', '[^/]*\\.log'],
    ['**/*.map', '(?:[^/]*/)*[^/]*\\.map'],
    ['a**z', 'a.*z'],
    ['?.txt', '[^/]\\.txt'],
    ['{a,{b,c}}', '(?:a|(?:b|c))'],
    ['{a', '\\{a'],
    ['{a,{b}', '(?:a|(?:b))'],
    ['[!a-c^]', '[^/a-c\\^]'],
    ['[-a-]', '[\\-a\\-]'],
    ['[a', '\\[a'],
    ['a/[b/c]', 'a/\\[b/c\\]'],
    ['机?😀', '机[^/]😀'],
  ])('%s means %s', (pattern, regex) => expect(regexOfGlob(pattern)).toBe(regex));

  it.each([
    ['./dist/', 'dist'],
    [' .//a ', 'a'],
    ['.', '**'],
    ['./', '**'],
    ['/', '/'],
    ['', ''],
    ['a//b', 'a//b'],
  ])('%j is written shorter as %j', (pattern, plain) => expect(normalizeGlob(pattern)).toBe(plain));
});
