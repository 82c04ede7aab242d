import { describe, expect, it } from '@jest/globals';
import { isPartialVersion, newestOf } from './semantic-version.ts';

const TAGS = ['1.0.0', '1.1.0', '2.0.0', '1.1.1', '1.2.0', '2.1.0', '2.0.1', '3.0.0-rc', 'nightly', '10', 'v0.9.0'];

describe('The newest version', () => {
  it.each([
    ['1', '1.2.0'],
    ['1.1', '1.1.1'],
    ['2.0', '2.0.1'],
    ['~latest', '2.1.0'],
    ['0', 'v0.9.0'],
  ])('of %s is %s', (partial, tag) => expect(newestOf(TAGS, partial)).toBe(tag));

  it.each(['3', '10', '1.5'])('of %s is none, where no release begins so', (partial) =>
    expect(newestOf(TAGS, partial)).toBeUndefined(),
  );

  it('is told by numbers and not by letters', () =>
    expect(newestOf(['1.9.0', '1.10.0', '1.2.30'], '1')).toBe('1.10.0'));

  it.each(['1', '1.2', '~latest'])('is asked for by %s', (version) => expect(isPartialVersion(version)).toBe(true));

  it.each(['1.2.3', 'main', 'v1', '~newest', '1.', ''])('is not asked for by "%s"', (version) =>
    expect(isPartialVersion(version)).toBe(false),
  );
});
