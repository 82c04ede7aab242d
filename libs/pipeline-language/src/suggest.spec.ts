import { describe, expect, it } from '@jest/globals';
import { didYouMean, editDistance, nearest } from './suggest.ts';

describe('The edit distance', () => {
  it.each([
    ['script', 'script', 0],
    ['scirpt', 'script', 1],
    ['stages', 'stage', 1],
    ['', 'abc', 3],
    ['kitten', 'sitting', 3],
  ])('of %s and %s is %d', (a, b, distance) => expect(editDistance(a, b)).toBe(distance));
});

describe('The nearest known word', () => {
  it('is the one with the fewest edits', () =>
    expect(nearest('artefacts', ['cache', 'artifacts', 'stage'])).toBe('artifacts'));
  it('does not exist when all are far', () => expect(nearest('banana', ['cache', 'stage'])).toBeUndefined());
  it('is not looked for when the word is very long', () =>
    expect(nearest('x'.repeat(500), ['x'.repeat(500)])).toBeUndefined());
  it('is none that cannot be shown', () => expect(nearest('.tests', ['\u0085tests'])).toBeUndefined());
  it('is offered as a question', () => expect(didYouMean('cahce', ['cache'])?.hint).toBe('Did you mean `cache`?'));
});
