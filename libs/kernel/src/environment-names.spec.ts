import { describe, expect, it } from '@jest/globals';
import { environmentSlug, tierOf } from './environment-names.ts';

describe('The slug of an environment', () => {
  it('is its name where that can be part of a host name', () => {
    expect(environmentSlug('production')).toBe('production');
  });

  it.each(['review/Feature-1', '1st', '-', '/', 'a'.repeat(255), 'Production', 'under_score', 'späß', 'ends-'])(
    'of %j begins with a letter, ends with none but letters and digits, and is short',
    (name) => {
      expect(environmentSlug(name)).toMatch(/^[a-z](?:[a-z0-9]|-(?!-)){0,22}[a-z0-9]$/);
    },
  );

  it('tells names apart that would look the same, and is always the same for one', () => {
    expect(environmentSlug('review/a')).not.toBe(environmentSlug('review-a'));
    expect(environmentSlug('review/a')).toBe(environmentSlug('review/a'));
  });
});

describe('The tier of an environment', () => {
  it.each([
    ['production', 'production'],
    ['Live', 'production'],
    ['staging', 'staging'],
    ['pre-prod', 'staging'],
    ['qa/1', 'testing'],
    ['review/main', 'development'],
    ['dev', 'development'],
    ['elsewhere', 'other'],
  ])('of %s is %s', (name, tier) => expect(tierOf(name)).toBe(tier));
});
