import { describe, expect, it } from '@jest/globals';
import { lint } from './lint.ts';

const codesOf = (text: string): string[] => lint('.codara-ci.yml', text).map(({ code }) => code);

describe('A variable that no text names', () => {
  const set = 'variables: { HANDED_ON: a }\ntest: { script: make }\n';

  it('is told', () => expect(codesOf(set)).toEqual(['unused-variable']));

  it('is not told where another pipeline may get it', () =>
    expect(codesOf(`${set}other: { trigger: acme/library }\n`)).not.toContain('unused-variable'));

  it('is not told of a file of which only a part was read', () =>
    expect(codesOf(`${set}broken: { script: make, timeout: soon }\n`)).toEqual(['invalid-duration']));
});
