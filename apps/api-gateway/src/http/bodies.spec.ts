import { describe, expect, it } from '@jest/globals';
import { Refusal } from '@foldline/kernel';
import { MAX_JSON_DEPTH, nestsTooDeep, parseJson } from './bodies.ts';

const nested = (depth: number): Buffer => Buffer.from('['.repeat(depth) + ']'.repeat(depth));

describe('a JSON body', () => {
  it('is read', () => expect(parseJson(Buffer.from('{"a":[1,"x"]}'))).toEqual({ a: [1, 'x'] }));

  it('may be nested to a limit', () => {
    expect(nestsTooDeep(nested(MAX_JSON_DEPTH))).toBe(false);
    expect(nestsTooDeep(nested(MAX_JSON_DEPTH + 1))).toBe(true);
  });
  it('may hold any number of brackets in strings', () =>
    expect(nestsTooDeep(Buffer.from(JSON.stringify({ a: '[{'.repeat(1000), b: '\\"[' })))).toBe(false));

  it.each(['', '{', '{"a":}', 'undefined', '{"__proto__":{"x":1}}', '{"a":{"constructor":{"prototype":1}}}'])(
    'is refused when it is %s',
    (text) => expect(() => parseJson(Buffer.from(text))).toThrow(Refusal),
  );
  it('is refused at once when it is only brackets', () => expect(() => parseJson(nested(1_000_000))).toThrow(Refusal));
});
