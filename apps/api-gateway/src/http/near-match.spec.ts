import { describe, expect, it } from '@jest/globals';
import { nearMatch } from './near-match.ts';

describe('the word that was meant', () => {
  it.each([
    ['JobQueue', 'JobQueued'],
    ['jobqueued', 'JobQueued'],
    ['JobSucceded', 'JobSucceeded'],
    ['PipelineStart', undefined],
    ['', undefined],
    ['JobQueued'.repeat(100), undefined],
  ])('for %s is %s', (given, meant) => expect(nearMatch(given, ['JobQueued', 'JobSucceeded'])).toBe(meant));
});
