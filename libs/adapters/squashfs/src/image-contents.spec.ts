import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ImageContents } from './image-contents.ts';
import type { PackedFile } from './pack-files.ts';
import { writeImage } from './write-image.ts';

const BLOCK = 128 * 1024;
const CONTENTS: Record<string, Buffer> = {
  empty: Buffer.alloc(0),
  small: Buffer.from('small'),
  other: Buffer.from('other'),
  'one block': Buffer.alloc(BLOCK, 'x'),
  'incompressible and more': randomBytes(BLOCK + 7),
  'many blocks': Buffer.concat(Array.from({ length: 70 }, (_, n) => Buffer.alloc(BLOCK, `block ${n}`))),
};

let directory: string;
let image: Buffer;
let packed: PackedFile[];
let asked: [start: number, end: number][] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-contents-'));
  mkdirSync(join(directory, 'tree'));
  for (const [name, content] of Object.entries(CONTENTS)) writeFileSync(join(directory, 'tree', name), content);
  const entries = Object.entries(CONTENTS).map(([path, { length: size }]) => ({
    kind: 'file' as const,
    path,
    mode: 0o644,
    mtime: 1,
    size,
  }));
  packed = await writeImage(join(directory, 'image'), { root: join(directory, 'tree'), entries, madeAt: 1 });
  image = readFileSync(join(directory, 'image'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const open = (): ImageContents => {
  asked = [];
  return new ImageContents(async (start, end) => {
    asked.push([start, end]);
    return image.subarray(start, end);
  });
};
const read = async (contents: ImageContents, path: string): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  for await (const piece of contents.pieces(packed.find((file) => file.path === path)!))
    pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
};

describe('What files of an image hold that is elsewhere', () => {
  it.each(Object.keys(CONTENTS))('is what they held: %s', async (path) => {
    expect((await read(open(), path)).equals(CONTENTS[path]!)).toBe(true);
  });

  it('is asked for once where files end together, and in large parts', async () => {
    const contents = open();
    await read(contents, 'small');
    await read(contents, 'other');
    expect(asked).toHaveLength(1);
    await read(contents, 'many blocks');
    expect(asked).toHaveLength(4);
  });

  it('is never asked for in blocks that are larger than there are', async () => {
    const hostile = { size: 1, start: 0, blocks: [BLOCK + 1] };
    await expect(open().pieces(hostile).next()).rejects.toThrow('too large');
    expect(asked).toEqual([]);
  });

  it('is an error where the bytes are no block', async () => {
    const hostile = { size: 1, start: 0, blocks: [64] };
    await expect(open().pieces(hostile).next()).rejects.toThrow();
  });
});
