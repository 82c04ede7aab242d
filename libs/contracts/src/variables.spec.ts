import { describe, expect, it } from '@jest/globals';
import { expandVariables, slugOf } from './variables.ts';

const values = { NAME: 'engine', EMPTY: '', NESTED: '$NAME', _a1: 'under' };

describe('Variables in a text', () => {
  it.each([
    ['$NAME', 'engine'],
    ['${NAME}', 'engine'],
    ['a-$NAME-b', 'a-engine-b'],
    ['${NAME}s', 'engines'],
    ['$NAMEs', ''],
    ['$NAME.$NAME', 'engine.engine'],
    ['[$EMPTY]', '[]'],
    ['[$UNKNOWN]', '[]'],
    ['$_a1', 'under'],
    ['$$NAME', '$NAME'],
    ['$$$NAME', '$engine'],
    ['$$', '$'],
    ['costs $5', 'costs $5'],
    ['$', '$'],
    ['${}', '${}'],
    ['${NAME', '${NAME'],
    ['${NAME:-x}', '${NAME:-x}'],
    ['$(id)', '$(id)'],
    ['`id`', '`id`'],
    ['', ''],
  ])('%j becomes %j', (text, expected) => {
    expect(expandVariables(text, values)).toBe(expected);
  });

  it('are replaced once: a value that names a variable stays as it is', () => {
    expect(expandVariables('$NESTED', values)).toBe('$NAME');
  });

  it('are never found among what every object has', () => {
    expect(expandVariables('[$constructor$__proto__$toString]', {})).toBe('[]');
  });

  it('may come from a function', () => {
    expect(expandVariables('$A$B', (name) => (name === 'A' ? 'a' : undefined))).toBe('a');
  });

  it('are looked for in time that grows with the text only', () => {
    const text = '${A'.repeat(100_000);

    expect(expandVariables(text, { A: 'x' })).toBe(text);
  });
});

describe('The slug of a ref', () => {
  it.each([
    ['main', 'main'],
    ['Feature/Größe_2', 'feature-gr--e-2'],
    ['-x-', 'x'],
    ['機能', ''],
    ['v1.0.0', 'v1-0-0'],
    [`${'a'.repeat(62)}/b`, 'a'.repeat(62)],
    ['A'.repeat(200), 'a'.repeat(63)],
  ])('of %s is %s', (ref, slug) => {
    expect(slugOf(ref)).toBe(slug);
  });
});
