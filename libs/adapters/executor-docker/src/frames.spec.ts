import { describe, expect, it } from '@jest/globals';
import { framesOf } from './frames.ts';

const frame = (stream: number, text: string): Buffer => {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
};
const cut = async function* (bytes: Buffer, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
};

describe('Both outputs of a container', () => {
  it.each([1, 3, 8, 11, 1000])('are told apart when they come %d bytes at a time', async (length) => {
    const bytes = Buffer.concat([frame(1, 'one'), frame(2, ''), frame(2, 'error'), frame(1, 'two')]);
    const heard: Record<number, string> = { 1: '', 2: '' };
    for await (const { stream, payload } of framesOf(cut(bytes, length))) heard[stream] += payload.toString();
    expect(heard).toEqual({ 1: 'onetwo', 2: 'error' });
  });
});
