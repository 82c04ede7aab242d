import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { aesSecretBox } from '@foldline/host';
import { PermanentError } from '@foldline/kernel';
import { isMarkOf, markOf } from './key-mark.ts';

describe('the mark of a key', () => {
  const key = randomBytes(32);
  const mark = markOf(key);
  const { sealed, sha256 } = JSON.parse(mark.toString()) as { sealed: string; sha256: string };

  it('is recognised by its key alone', () => {
    expect(isMarkOf(mark, key)).toBe(true);
    expect(isMarkOf(mark, randomBytes(32))).toBe(false);
  });

  it('says nothing of the key, and is never the same twice', () => {
    for (const encoding of ['base64url', 'base64', 'hex'] as const)
      expect(mark.toString()).not.toContain(key.toString(encoding));
    expect(markOf(key).equals(mark)).toBe(false);
  });

  it('is no value that was sealed for anything else', () => {
    const box = aesSecretBox(key);
    expect(() => box.open(sealed, 'project:pr1:secret:deploy')).toThrow(PermanentError);
  });

  const flipped = sealed.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
  it.each<[string, string | Buffer]>([
    ['is empty', ''],
    ['was cut off', mark.subarray(0, 60)],
    ['has a bit that was flipped', JSON.stringify({ sealed: flipped, sha256 })],
    ['has another digest', JSON.stringify({ sealed, sha256: sha256.toUpperCase() })],
    ['has no digest', JSON.stringify({ sealed })],
    ['is of a form that is not known', JSON.stringify({ sealed: sealed.replace('v1', 'v2'), sha256 })],
    ['is something else in JSON', 'null'],
    ['is no text', randomBytes(200)],
  ])('is found to be damaged when it %s, which is not another key', (_what, bytes) => {
    expect(() => isMarkOf(Buffer.from(bytes), key)).toThrow(PermanentError);
  });
});
