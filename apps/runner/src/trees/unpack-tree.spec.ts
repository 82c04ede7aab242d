import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TREE_LIMITS } from '@foldline/contracts';
import { PermanentError, Refusal, type ObjectStore } from '@foldline/kernel';
import { openFileObjectStore } from '@foldline/object-store-files';
import { packTree, type PackedTree } from './pack-tree.ts';
import { unpackTree } from './unpack-tree.ts';

let directory: string;
let root: string;
let into: string;
let outside: string;
let objects: ObjectStore;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-trees-'));
  [root, into, outside] = ['packed', 'unpacked', 'outside'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [root, into, outside]) mkdirSync(path);
  objects = await openFileObjectStore({ directory: join(directory, 'objects') });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const write = (path: string, text = path, base = root): void => {
  mkdirSync(dirname(join(base, path)), { recursive: true });
  writeFileSync(join(base, path), text);
};
const pack = (paths = ['**'], exclude: string[] = []): Promise<PackedTree> =>
  packTree({ root, paths, exclude, objects });
const unpack = (manifestDigest: string): Promise<void> => unpackTree({ manifestDigest, into, objects });

/** Everything below a directory: kind, permissions and content by path. */
const contentOf = (base: string): Record<string, string> =>
  Object.fromEntries(
    (readdirSync(base, { recursive: true }) as string[]).toSorted().map((path) => {
      const stats = lstatSync(join(base, path));
      const mode = (stats.mode & 0o7777).toString(8);
      if (stats.isSymbolicLink()) return [path, `link ${readlinkSync(join(base, path))}`];
      return [path, stats.isDirectory() ? `dir ${mode}` : `file ${mode} ${readFileSync(join(base, path), 'utf8')}`];
    }),
  );

describe('A packed tree', () => {
  it('comes back as it was', async () => {
    write('bin/tool', '#!/bin/sh');
    chmodSync(join(root, 'bin/tool'), 0o751);
    write('a/b/c/.deep', '');
    write('big', 'x'.repeat(300_000));
    mkdirSync(join(root, 'empty'));
    symlinkSync('../big', join(root, 'bin/link'));
    symlinkSync('nowhere', join(root, 'dangling'));

    const packed = await pack();
    await unpack(packed.manifestDigest);

    expect(contentOf(into)).toEqual(contentOf(root));
    expect(packed).toMatchObject({ files: 3, bytes: 300_009, unmatched: [], skipped: [] });
  });

  it('has the same digest wherever and whenever it is packed', async () => {
    write('b/2');
    write('a/1');
    const { manifestDigest } = await pack();
    await unpack(manifestDigest);

    const again = await packTree({ root: into, paths: ['b', 'a'], exclude: [], objects });

    expect(again.manifestDigest).toBe(manifestDigest);
  });

  it('says which patterns found nothing', async () => {
    write('a');

    expect(await pack(['a', 'none/', '*.log'])).toMatchObject({ files: 1, unmatched: ['none/', '*.log'] });
  });

  it('is refused when it is larger than it may be', async () => {
    write('a', '12345');
    const packing = packTree({ root, paths: ['a'], exclude: [], objects, maxBytes: 4 });

    await expect(packing).rejects.toMatchObject({ code: 'tree_too_large' });
    await expect(packing).rejects.toBeInstanceOf(Refusal);
  });

  it('gives back read-only directories that can be removed again', async () => {
    write('locked/file');
    chmodSync(join(root, 'locked'), 0o555);
    const { manifestDigest } = await pack();
    await unpack(manifestDigest);

    expect((statSync(join(into, 'locked')).mode & 0o777).toString(8)).toBe('755');
  });

  describe('put into a directory that is not empty', () => {
    it('replaces what is in its places and leaves the rest', async () => {
      write('file', 'new');
      write('dir/in', 'new');
      write('was-dir', 'new');
      symlinkSync('file', join(root, 'link'));
      const { manifestDigest } = await pack();
      write('file', 'old', into);
      write('dir', 'a file where a directory comes', into);
      write('was-dir/sub/x', 'old', into);
      write('link/old', 'old', into);
      write('other', 'stays', into);

      await unpack(manifestDigest);

      expect(contentOf(into)).toEqual({ ...contentOf(root), other: expect.stringMatching(/stays$/) });
    });

    it('writes nothing through symbolic links that lie in its places', async () => {
      write('a/b/file', 'new');
      write('plain', 'new');
      symlinkSync('plain', join(root, 'link'));
      mkdirSync(join(root, 'empty'));
      chmodSync(join(root, 'empty'), 0o777);
      const { manifestDigest } = await pack();
      write('victim', 'untouched', outside);
      mkdirSync(join(outside, 'b'));
      const before = contentOf(outside);
      symlinkSync(outside, join(into, 'a'));
      symlinkSync(join(outside, 'victim'), join(into, 'plain'));
      symlinkSync(join(outside, 'victim'), join(into, 'link'));
      symlinkSync(join(outside, 'b'), join(into, 'empty'));

      await unpack(manifestDigest);

      expect(contentOf(outside)).toEqual(before);
      expect(contentOf(into)).toEqual(contentOf(root));
    });
  });
});

describe('A hostile manifest', () => {
  const DIGEST = 'd'.repeat(64);
  const file = (path: string, more = {}): object => ({
    kind: 'file',
    path,
    mode: 0o644,
    size: 1,
    digest: DIGEST,
    ...more,
  });
  const link = (path: string, target: string): object => ({ kind: 'link', path, target });
  const stored = async (...entries: object[]): Promise<string> =>
    (await objects.put(Buffer.from(JSON.stringify({ version: 1, entries })))).digest;

  const hostile: [string, object[]][] = [
    ['a path above', [file('../evil')]],
    ['an absolute path', [file('/tmp/foldline-evil')]],
    ['a path through ..', [file('a/../../evil')]],
    ['a link that leads out', [link('out', '../outside')]],
    ['an absolute link', [link('out', '/etc')]],
    ['a file below a link', [link('out', 'x'), file('out/evil')]],
    ['a file below a link of another case', [link('OUT', 'x'), file('out/evil')]],
    ['a link through a link', [link('a', '.'), link('b', 'a/../../outside')]],
    ['one place twice', [link('x', 'y'), file('x')]],
    ['a setuid file', [file('x', { mode: 0o4755 })]],
    ['a digest that is a path', [file('x', { digest: '../../../../etc/passwd' })]],
    ['a file that is too large', [file('x', { size: TREE_LIMITS.bytes + 1 })]],
    ['a path that is too deep', [file('d/'.repeat(TREE_LIMITS.depth) + 'x')]],
    ['a control character', [file('a\nb')]],
  ];

  it.each(hostile)('with %s is refused, and nothing is written', async (_what, entries) => {
    const before = readdirSync(directory).toSorted();

    await expect(unpack(await stored(file('first'), ...entries))).rejects.toBeInstanceOf(PermanentError);

    expect(readdirSync(into)).toEqual([]);
    expect(readdirSync(outside)).toEqual([]);
    expect(readdirSync(directory).toSorted()).toEqual(before);
    expect(existsSync('/tmp/foldline-evil')).toBe(false);
  });

  it('that is no manifest at all is refused', async () => {
    const { digest } = await objects.put(Buffer.from('PK\u0003\u0004'));

    await expect(unpack(digest)).rejects.toBeInstanceOf(PermanentError);
  });

  it('that is not there is an error that says so', async () => {
    await expect(unpack('0'.repeat(64))).rejects.toThrow('is not in the object store');
  });

  it('whose files are not there is an error, and what was under way has ended when it is thrown', async () => {
    const { digest } = await objects.put(Buffer.from('x'));
    const files = Array.from({ length: 40 }, (_, n) => file(`f${n}`, { digest: n === 3 ? DIGEST : digest }));

    await expect(unpack(await stored(...files))).rejects.toThrow();
    const atThrow = readdirSync(into);
    await new Promise((resolve) => setImmediate(resolve));

    expect(readdirSync(into)).toEqual(atThrow);
  });
});
