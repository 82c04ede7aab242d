import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { MarkedOutput, type Heard } from './marked-output.ts';

const MARK = '\u001e0123456789';
const hear = (chunks: readonly Buffer[]): { output: string; words: string[] } => {
  const marked = new MarkedOutput(MARK);
  const heard: Heard[] = chunks.flatMap((chunk) => [...marked.take(chunk)]);
  return {
    output: Buffer.concat(heard.flatMap((each) => ('output' in each ? [each.output] : []))).toString(),
    words: heard.flatMap((each) => ('word' in each ? [each.word] : [])),
  };
};

describe('What a container writes', () => {
  it('is output, with the words of its shell taken out', () =>
    expect(hear([Buffer.from(`one${MARK}ended 0\ntwo${MARK}killed\n`)])).toEqual({
      output: 'onetwo',
      words: ['ended 0', 'killed'],
    }));

  it('is not held back for what only looks like the beginning of a mark', () =>
    expect(hear([Buffer.from('one\u001e'), Buffer.from('two')]).output).toBe('one\u001etwo'));

  it('is the same however it is cut into chunks', () =>
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 30, maxLength: 60 }), (lengths) => {
        const text = `a\u001e0\u001eb${MARK}ended 3\n\u001e01234${MARK}killed\nc`;
        const chunks: Buffer[] = [];
        let rest = Buffer.from(text);
        for (const length of lengths) {
          chunks.push(rest.subarray(0, length));
          rest = rest.subarray(length);
        }
        expect(hear([...chunks, rest])).toEqual({
          output: 'a\u001e0\u001eb\u001e01234c',
          words: ['ended 3', 'killed'],
        });
      }),
    ));
});
