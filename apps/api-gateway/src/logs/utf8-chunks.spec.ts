import { describe, expect, it } from '@jest/globals';
import { byteRange } from './byte-range.ts';
import { Utf8Chunks } from './utf8-chunks.ts';

describe('bytes as text in pieces', () => {
  const text = 'aé\u20ac😀z\n';
  const bytes = Buffer.from(text);

  it('are the whole text wherever they are cut', () => {
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const chunks = new Utf8Chunks();
      const pieces = [chunks.push(bytes.subarray(0, cut)), chunks.push(bytes.subarray(cut)), chunks.end()];
      expect(pieces.join('')).toBe(text);
      expect(pieces.join('|')).not.toContain('\ufffd');
    }
  });

  it('are the whole text byte by byte', () => {
    const chunks = new Utf8Chunks();
    const pieces = [...bytes].map((byte) => chunks.push(Buffer.from([byte])));
    expect(pieces.join('') + chunks.end()).toBe(text);
  });

  it('count what waits for the rest of its character', () => {
    const chunks = new Utf8Chunks();
    expect(chunks.push(Buffer.from('😀').subarray(0, 3))).toBe('');
    expect(chunks.pending).toBe(3);
  });

  it('never hold back what is no text', () => {
    const chunks = new Utf8Chunks();
    expect(chunks.push(Buffer.from([0xff, 0xfe, 0x80, 0x80, 0x80, 0x80]))).toBe('\ufffd'.repeat(6));
    expect(chunks.push(Buffer.from([0xe2])) + chunks.end()).toBe('\ufffd');
  });
});

describe('a range of bytes', () => {
  it.each([
    ['bytes=0-3', { start: 0, end: 4 }],
    ['bytes=4-', { start: 4, end: 10 }],
    ['bytes=-3', { start: 7, end: 10 }],
    ['bytes=8-99', { start: 8, end: 10 }],
    ['bytes=-99', { start: 0, end: 10 }],
  ])('is read from %s', (header, range) => expect(byteRange(header, 10)).toEqual(range));
  it.each(['bytes=10-', 'bytes=-0'])('may lie outside: %s', (header) =>
    expect(byteRange(header, 10)).toBe('unsatisfiable'),
  );
  it.each([undefined, '', 'lines=1-2', 'bytes=0-1,3-4', 'bytes=5-2', 'bytes=-'])('is ignored when it is %s', (header) =>
    expect(byteRange(header, 10)).toBeUndefined(),
  );
});
