import { describe, expect, it } from '@jest/globals';
import { remembering } from './remembering.ts';

/** With the texts that were worked upon. */
const counted = (most: number): { ask: (text: string) => string; asked: string[] } => {
  const asked: string[] = [];
  const work = (text: string): string => {
    asked.push(text);
    return text.toUpperCase();
  };
  return { ask: remembering(work, most), asked };
};

describe('Work that is remembered', () => {
  it('is done once for the same text, and answers the same', () => {
    const { ask, asked } = counted(10);
    expect([ask('a'), ask('b'), ask('a')]).toEqual(['A', 'B', 'A']);
    expect(asked).toEqual(['a', 'b']);
  });

  it('keeps no more answers than it may', () => {
    const { ask, asked } = counted(2);
    for (const text of ['a', 'b', 'c', 'a']) ask(text);
    expect(asked).toEqual(['a', 'b', 'c', 'a']);
  });

  it('keeps no long text', () => {
    const { ask, asked } = counted(2);
    const long = 'a'.repeat(3_000);
    expect([ask(long), ask(long)]).toEqual([long.toUpperCase(), long.toUpperCase()]);
    expect(asked).toHaveLength(2);
  });

  it('keeps no failure', () => {
    const ask = remembering((text): string => {
      throw new Error(text);
    });
    expect(() => ask('a')).toThrow('a');
    expect(() => ask('a')).toThrow('a');
  });
});
