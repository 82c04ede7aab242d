import { describe, expect, it } from '@jest/globals';
import { imageTagsOf } from './service.ts';

const SHA = 'abc1234def'.repeat(4);

describe('an image', () => {
  it.each([
    ['branch', 'main', ['main-abc1234', 'main']],
    ['branch', 'feature/x', ['feature-x-abc1234', 'feature-x']],
    ['branch', '---', ['abc1234']],
    ['tag', 'v1.2', ['v1.2']],
    ['commit', SHA, ['abc1234']],
  ] as const)(
    'of %s %s has the name of its commit, and of its branch if it has one',
    (kind, name, [own, newest = own]) => expect(imageTagsOf({ kind, name }, SHA)).toEqual({ own, newest }),
  );
});
