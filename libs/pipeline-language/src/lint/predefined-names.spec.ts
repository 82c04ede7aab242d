import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { predefinedNames } from './predefined-names.ts';

const page = readFileSync(new URL('../../../../docs/pipeline.md', import.meta.url), 'utf8');

describe('The predefined variables', () => {
  it('are those of the documentation', () => {
    const [, table] = /\n\| Predefined +\|[^\n]*\n([^]*?)\n\n/.exec(page)!;
    const documented = table!.split('\n').flatMap((row) => row.split('|')[1]!.match(/\b[A-Z][A-Z_]+\b/g) ?? []);
    expect(documented.toSorted()).toEqual(predefinedNames);
  });
});
