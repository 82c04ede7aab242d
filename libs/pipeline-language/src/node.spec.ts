import { describe, expect, it } from '@jest/globals';
import { shorten } from './node.ts';

describe('A text that is told', () => {
  it('holds no control characters', () => expect(shorten('a\u001b[31mb\u0007\u009bc')).toBe('a [31mb c'));

  it('is no longer than sixty characters', () => {
    expect(shorten('x'.repeat(60))).toBe('x'.repeat(60));
    expect(shorten('x'.repeat(61))).toBe(`${'x'.repeat(57)}…`);
  });

  it('is not cut within a character', () =>
    expect(shorten(`${'x'.repeat(56)}${'😀'.repeat(9)}`)).toBe(`${'x'.repeat(56)}…`));

  it('holds no half of a character', () => expect(shorten('a\ud83db')).toBe('a�b'));
});
