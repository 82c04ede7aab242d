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
  it('has most of its letters in common with what is written', () => {
    expect(nearest('c', ['a', 'b'])).toBeUndefined();
    expect(nearest('lint', ['unit'])).toBeUndefined();
    expect(nearest('litn', ['unit', 'lint'])).toBe('lint');
    expect(nearest('qa', ['ci', 'q'])).toBe('q');
  });
  it('is not looked for when the word is very long', () =>
    expect(nearest('x'.repeat(500), ['x'.repeat(500)])).toBeUndefined());
  it('is none that cannot be shown', () => expect(nearest('.tests', ['\u0085tests'])).toBeUndefined());
  it('is offered as a question, and as one that a person must answer where several are as near', () => {
    const hint = 'Did you mean `cache`?';
    expect(didYouMean('cahce', ['cache', 'stage'])).toEqual({ hint, written: 'cahce', meant: 'cache' });
    expect(didYouMean('uint', ['unit', 'quint', 'uinta'])).toBe('Did you mean `unit` or `quint`?');
    expect(didYouMean('uint', ['lint', 'lints'])).toMatchObject({ meant: 'lint' });
  });
});
