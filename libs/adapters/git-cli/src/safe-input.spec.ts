import { describe, expect, it } from '@jest/globals';
import { assertSafeRef, assertSafeUrl, assertSha, isSha } from './safe-input.ts';

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

describe('The address of a repository', () => {
  it.each([
    'https://git.example.org/ada/engine.git',
    'http://127.0.0.1:3000/a/b',
    'ssh://git@git.example.org:2222/ada/engine.git',
    'git@git.example.org:ada/engine.git',
    'git://git.example.org/engine',
    'file:///srv/git/engine.git',
    '/srv/git/with space/engine',
  ])('may be %s', (url) => {
    expect(() => assertSafeUrl(url)).not.toThrow();
  });

  it.each([
    '',
    'ext::sh -c touch% /tmp/x',
    'fd::17/foo',
    'https::x',
    '-u',
    '--upload-pack=touch /tmp/x',
    '-oProxyCommand=touch /tmp/x',
    'ssh://-oProxyCommand=touch/x',
    'ssh://git@-oProxyCommand=touch/x',
    'ssh://-git@host/x',
    '-git@host:x',
    'git@-oProxyCommand=x:y',
    'engine',
    './engine',
    '../engine',
    'git.example.org:ada/engine.git;id',
    'git@host:$(id)',
    'git@host:a b',
    'javascript:alert(1)',
    'data:text/plain,x',
    'ftp://host/x',
    '/srv/git\nx',
    '/srv/git\u0000x',
    'https://host/\u001B[2J',
    'https://host/\u007F',
    `https://host/${'a'.repeat(2048)}`,
  ])('is refused when it is %j', (url) => {
    expect(() => assertSafeUrl(url)).toThrow(expect.objectContaining({ code: 'invalid_url' }));
  });
});

describe('A commit id', () => {
  it('has 40 hexadecimal digits in lower case', () => {
    expect(isSha('0123456789abcdef0123456789abcdef01234567')).toBe(true);
  });

  it.each(['', 'HEAD', 'a'.repeat(39), 'a'.repeat(41), 'A'.repeat(40), `${'a'.repeat(40)}\n`, `--${'a'.repeat(38)}`])(
    'is never %j',
    (text) => {
      expect(() => assertSha(text)).toThrow(expect.objectContaining({ code: 'invalid_ref' }));
    },
  );
});
