import { describe, expect, it } from '@jest/globals';
import { assertSafeRef } from './safe-input.ts';

describe('The name of a ref', () => {
  it.each(['main', 'feature/größe', 'v1.0', 'release/2026_03', 'bump/@types/node-20', '機能/検索', 'fix#12', 'a=b,c'])(
    'may be %s',
    (name) => {
      expect(() => assertSafeRef(name)).not.toThrow();
    },
  );

  it.each([
    '',
    '-upload-pack=x',
    '--all',
    '@',
    'main@{1}',
    'a..b',
    'a//b',
    'a/',
    'a.lock',
    'a.',
    'a b',
    'a;b',
    'a$(b)',
    'a`b`',
    'a|b',
    'a:b',
    'a~1',
    'a^',
    'a*',
    'a?',
    'a[b]',
    String.raw`a\b`,
    'a\nb',
    'a\u0000b',
    'a'.repeat(251),
  ])('is refused when it is %j', (name) => {
    expect(() => assertSafeRef(name)).toThrow('the plain name of a branch or tag');
  });
});
