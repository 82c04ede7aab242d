import { describe, expect, it } from '@jest/globals';
import { beginning } from './beginning.ts';

describe('The beginning of a text', () => {
  it('has at most so many units', () => {
    expect(beginning('abcdef', 3)).toBe('abc');
    expect(beginning('ab', 3)).toBe('ab');
  });

  it('holds no half of a character', () => {
    expect(beginning('ab😀c', 3)).toBe('ab');
    expect(beginning('ab😀c', 4)).toBe('ab😀');
  });
});
