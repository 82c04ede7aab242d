import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { serializeManifest, type TreeEntry } from '@foldline/contracts';
import type { ObjectStore } from '@foldline/kernel';
import { openFileObjectStore } from '@foldline/object-store-files';
import { problemOfUpload } from './verify-upload.ts';

let directory: string;
let objects: ObjectStore;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-verify-'));
  objects = await openFileObjectStore({ directory });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const file = async (path: string, content: string): Promise<Extract<TreeEntry, { kind: 'file' }>> => {
  const { digest, bytes } = await objects.put(Buffer.from(content));
  return { kind: 'file', path, mode: 0o644, size: bytes, digest };
};
const manifestOf = async (entries: TreeEntry[]): Promise<string> =>
  (await objects.put(serializeManifest(entries))).digest;
const absent = 'f'.repeat(64);

describe('an upload', () => {
  it('is complete when its manifest and all files are there', async () => {
    const entries = [
      await file('a', 'one'),
      await file('b/c', 'three'),
      { kind: 'dir' as const, path: 'b', mode: 0o755 },
    ];
    const manifestDigest = await manifestOf(entries);
    expect(await problemOfUpload({ manifestDigest, files: 2, bytes: 8 }, objects)).toBeUndefined();
  });

  it('may name the same bytes many times', async () => {
    const entries = await Promise.all(Array.from({ length: 100 }, (_, n) => file(`f${n}`, 'same')));
    const manifestDigest = await manifestOf(entries);
    expect(await problemOfUpload({ manifestDigest, files: 100, bytes: 400 }, objects)).toBeUndefined();
  });

  it('is not complete without its manifest', async () =>
    expect(await problemOfUpload({ manifestDigest: absent, files: 0, bytes: 0 }, objects)).toBe(
      'its manifest is missing',
    ));

  it('is not complete when a file is missing', async () => {
    const manifestDigest = await manifestOf([await file('a', 'one'), { ...(await file('b', 'two')), digest: absent }]);
    expect(await problemOfUpload({ manifestDigest, files: 2, bytes: 6 }, objects)).toBe('the file "b" is missing');
  });

  it('is not complete when a file has another size', async () => {
    const manifestDigest = await manifestOf([{ ...(await file('a', 'one')), size: 4 }]);
    expect(await problemOfUpload({ manifestDigest, files: 1, bytes: 4 }, objects)).toBe(
      'the file "a" has 3 bytes, not 4',
    );
  });

  it.each([
    { files: 2, bytes: 3 },
    { files: 1, bytes: 4 },
  ])('is not what was announced as $files files of $bytes bytes', async (claim) => {
    const manifestDigest = await manifestOf([await file('a', 'one')]);
    expect(await problemOfUpload({ manifestDigest, ...claim }, objects)).toContain('names 1 files of 3 bytes');
  });

  it.each([
    '',
    'not JSON',
    '{"version":2,"entries":[]}',
    '{"version":1,"entries":[{"kind":"dir","path":"../x","mode":0}]}',
  ])('is refused when its manifest is %s', async (text) => {
    const { digest } = await objects.put(Buffer.from(text));
    expect(await problemOfUpload({ manifestDigest: digest, files: 0, bytes: 0 }, objects)).toContain('cannot be read');
  });
});
