import { describe, expect, it } from '@jest/globals';
import { parseSize } from './size.ts';

describe('A size', () => {
  it.each([
    ['8GB', 8_000_000_000],
    ['512MB', 512_000_000],
    ['4GiB', 4_294_967_296],
    ['2g', 2_000_000_000],
    ['1.5 TB', 1_500_000_000_000],
    ['1024', 1024],
    ['10 kB', 10_000],
  ])('%s is %d bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes));

  it.each(['', 'lots', '8 gigs', '-1GB', '8iB', '1e3', '9'.repeat(20)])('%j is none', (text) =>
    expect(parseSize(text)).toBeUndefined(),
  );
});
