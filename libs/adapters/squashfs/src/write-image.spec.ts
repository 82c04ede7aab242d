import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { absent } from '@foldline/testing';
import { ImageReader } from './read-image.ts';
import { writeImage, type TreeEntry } from './write-image.ts';

const MADE_AT = 1_700_000_000;
const MIB = 1024 * 1024;

/** Everything below a directory, as entries of an image. */
const entriesOf = (root: string, below = ''): TreeEntry[] =>
  readdirSync(join(root, below)).flatMap((name): TreeEntry[] => {
    const path = below === '' ? name : `${below}/${name}`;
    const stats = lstatSync(join(root, path));
    const [mode, mtime] = [stats.mode & 0o777, Math.floor(stats.mtimeMs / 1000)];
    if (stats.isSymbolicLink()) return [{ kind: 'link', path, mtime, target: readlinkSync(join(root, path)) }];
    if (stats.isDirectory()) return [{ kind: 'dir', path, mode, mtime }, ...entriesOf(root, path)];
    return [{ kind: 'file', path, mode, mtime, size: stats.size }];
  });

const suite = (): void => {
  let directory: string;
  let root: string;
  let mounted: string;
  let image: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-squashfs-'));
    root = join(directory, 'tree');
    mounted = join(directory, 'mounted');
    image = join(directory, 'image');
    mkdirSync(root);
    mkdirSync(mounted);
  });
  afterEach(() => {
    spawnSync('umount', [mounted], { stdio: 'ignore' });
    rmSync(directory, { recursive: true, force: true });
  });

  const put = (path: string, content: string | Buffer = path): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  const mount = async (entries = entriesOf(root)) => {
    const written = await writeImage(image, { root, entries, madeAt: MADE_AT });
    execFileSync('mount', ['-t', 'squashfs', '-o', 'loop,ro', image, mounted]);
    return written;
  };
  /** Names, permissions, times, contents and targets. */
  const expectTheSame = (): void => {
    expect(entriesOf(mounted)).toEqual(entriesOf(root));
    execFileSync('diff', ['--recursive', '--no-dereference', root, mounted]);
  };

  it('has the tree that it was made of', async () => {
    put('a/b/c.txt');
    put('a/b.txt');
    put('none', '');
    mkdirSync(join(root, 'empty'));
    put('größe/機 😀');
    chmodSync(join(root, 'a/b.txt'), 0o750);
    utimesSync(join(root, 'a/b.txt'), 1_000_000_000, 1_000_000_000);
    symlinkSync('../none', join(root, 'a/link'));
    await mount();
    expectTheSame();
  });

  it.each([1, 131_071, 131_072, 131_073, 5 * MIB + 1])('has files of %i bytes', async (size) => {
    put('random', randomBytes(size));
    put('zeros', Buffer.alloc(size));
    put('text', 'abc'.repeat(Math.ceil(size / 3)).slice(0, size));
    await mount();
    expectTheSame();
  });

  it('has thousands of files, in one directory and in many', async () => {
    for (let n = 0; n < 5_000; n += 1) put(`many/a file whose name is rather long, number ${n}`, String(n));
    for (let n = 0; n < 600; n += 1) put(`deep/${n % 7}/${n % 31}/${n}.js`, `export const n = ${n};\n`);
    await mount();
    expectTheSame();
  });

  it('tells the size and the digest of each file as it was read', async () => {
    put('a', 'one');
    put('b/c', 'three');
    const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
    expect(await writeImage(image, { root, entries: entriesOf(root), madeAt: MADE_AT })).toMatchObject([
      { path: 'a', size: 3, digest: sha256('one') },
      { path: 'b/c', size: 5, digest: sha256('three') },
    ]);
  });

  it('gives back each file by the place that its writer told', async () => {
    put('small', 'one');
    put('none', '');
    put('large', randomBytes(5 * MIB + 1));
    put('zeros', Buffer.alloc(3 * MIB));
    const written = await writeImage(image, { root, entries: entriesOf(root), madeAt: MADE_AT });
    const reader = new ImageReader(image);
    for (const file of written) {
      const pieces: Buffer[] = [];
      for (const piece of reader.pieces(file)) pieces.push(Buffer.from(piece));
      expect(Buffer.concat(pieces).equals(readFileSync(join(root, file.path)))).toBe(true);
    }
    reader.close();
  });

  it.each([
    ['behind its end', { size: 10, start: 10 ** 9, blocks: [10] }],
    ['of blocks that are too large', { size: 10, start: 106, blocks: [0xff_ffff] }],
    ['of bytes that are no block', { size: 10, start: 0, blocks: [96] }],
  ])('gives nothing %s', async (_what, place) => {
    put('a', randomBytes(MIB));
    await writeImage(image, { root, entries: entriesOf(root), madeAt: MADE_AT });
    const reader = new ImageReader(image);
    expect(() => [...reader.pieces(place)]).toThrow();
    reader.close();
  });

  it('is the same for the same tree', async () => {
    put('a', 'one');
    put('b/c', randomBytes(MIB));
    const entries = entriesOf(root);
    const bytes: Buffer[] = [];
    for (const name of ['one', 'two']) {
      await writeImage(join(directory, name), { root, entries, madeAt: MADE_AT });
      bytes.push(readFileSync(join(directory, name)));
    }
    expect(bytes[0]!.equals(bytes[1]!)).toBe(true);
  });

  it('says of what is gone that a layer below has it no longer', async () => {
    await mount([{ kind: 'gone', path: 'was/here' }]);
    const stats = lstatSync(join(mounted, 'was/here'));
    expect({ device: stats.isCharacterDevice(), number: stats.rdev }).toEqual({ device: true, number: 0 });
  });

  it('is refused for what lies below a file', async () => {
    put('a', 'one');
    const entries: TreeEntry[] = [...entriesOf(root), { kind: 'gone', path: 'a/b' }];
    await expect(writeImage(image, { root, entries, madeAt: MADE_AT })).rejects.toThrow(/below what is no directory/);
  });
};

/** Whether this user of this host may mount a file; its kernel must know the format. */
const mayMount = (): boolean =>
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  /\bsquashfs\b/.test(readFileSync('/proc/filesystems', 'utf8'));

describe('an image of a tree', () => {
  if (mayMount()) suite();
  else
    absent('the right to mount', {
      hint: 'needs root on Linux with squashfs',
      problem: 'this host does not mount squashfs',
    });
});
