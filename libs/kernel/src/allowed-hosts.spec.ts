import { describe, expect, it } from '@jest/globals';
import { allowedHost, isAllowedHost } from './allowed-hosts.ts';

const allows = (written: string, address: string): boolean => isAllowedHost([allowedHost(written)!], new URL(address));

describe('A host that is allowed', () => {
  it.each([
    ['example.com', 'https://example.com/a.yml'],
    ['Example.COM', 'https://EXAMPLE.com/a.yml'],
    ['example.com:443', 'https://example.com/a.yml'],
    ['example.com:8443', 'https://example.com:8443/a.yml'],
    ['*.example.com', 'https://raw.example.com/a.yml'],
    ['*.example.com', 'https://a.b.example.com/a.yml'],
    ['http://mirror.corp', 'http://mirror.corp/a.yml'],
    ['http://*.corp:8080', 'http://mirror.corp:8080/a.yml'],
    ['bücher.example', 'https://xn--bcher-kva.example/a.yml'],
    ['[2001:db8::1]:8443', 'https://[2001:db8:0::1]:8443/a.yml'],
  ])('as %s is the one of %s', (written, address) => expect(allows(written, address)).toBe(true));

  it.each([
    ['example.com', 'http://example.com/a.yml'],
    ['example.com', 'https://example.com:8443/a.yml'],
    ['example.com', 'https://raw.example.com/a.yml'],
    ['example.com', 'https://example.com.attacker.net/a.yml'],
    ['example.com', 'https://notexample.com/a.yml'],
    ['*.example.com', 'https://example.com/a.yml'],
    ['*.example.com', 'https://notexample.com/a.yml'],
    ['example.com:8443', 'https://example.com/a.yml'],
    ['http://mirror.corp', 'https://mirror.corp/a.yml'],
    ['127.0.0.1', 'https://127.0.0.2/a.yml'],
  ])('as %s is not the one of %s', (written, address) => expect(allows(written, address)).toBe(false));

  it.each(['', '*', 'a b', 'https://', 'ftp://example.com', 'example.com/path', 'u:p@example.com', 'a.*.com', 'x:y'])(
    'is not written "%s"',
    (written) => expect(allowedHost(written)).toBeUndefined(),
  );
});
