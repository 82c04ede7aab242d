import { describe, expect, it } from '@jest/globals';
import { baseOf } from './base-of-changes.ts';
import { compile } from './compile.ts';

const SHA = 'c'.repeat(40);
const WRONG = ['main~1', 'main^', 'HEAD', 'refs/heads/HEAD', 'a b', '-x', '--output=x', '', '@{1}'];

describe('What `compare_to` names', () => {
  it.each([
    ['feature/größe', { name: 'feature/größe' }],
    ['refs/heads/main', { name: 'main', kind: 'branch' }],
    ['refs/tags/v1.0', { name: 'v1.0', kind: 'tag' }],
    ['0123456', { name: '0123456', digits: '0123456' }],
    ['012345', { name: '012345' }],
    [SHA, { sha: SHA }],
  ])('is told by its looks: %s', (text, base) => {
    expect(baseOf(text)).toEqual(base);
  });

  it.each(WRONG)('is nothing that anybody looks up for %j', (text) => {
    expect(baseOf(text)).toBeUndefined();

    const job = { script: 'make', rules: [{ changes: { paths: ['src/**/*'], compare_to: text } }] };
    const trigger = { ref: { name: 'main', kind: 'branch' }, source: 'push', variables: {} } as const;
    const sources = { files: {}, changes: { [text]: [] } };
    const result = compile({ file: 'ci.yml', text: JSON.stringify({ job }), trigger, sources });
    expect(result).toMatchObject({ problems: [{ code: 'unknown-base', file: 'ci.yml', line: 1 }] });
  });
});
