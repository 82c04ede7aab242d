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
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pack, type Header } from 'tar-stream';
import { unpackArchive } from './unpack-archive.ts';

let directory: string;
let into: string;
let outside: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-unpack-'));
  into = join(directory, 'into');
  outside = join(directory, 'outside');
  mkdirSync(into);
  mkdirSync(outside);
  writeFileSync(join(outside, 'precious'), 'precious');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

type Member = Partial<Header> & { name: string; text?: string };
const archiveOf = async (...members: Member[]): Promise<Buffer> => {
  const tar = pack();
  for (const { text, ...header } of members) tar.entry({ mtime: new Date(1000), ...header }, text ?? '');
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
};
async function* inPieces(archive: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < archive.length; at += 100) yield archive.subarray(at, at + 100);
}
const unpack = async (...members: Member[]) => unpackArchive(inPieces(await archiveOf(...members)), into);
const untouched = (): boolean =>
  readdirSync(outside).length === 1 && readFileSync(join(outside, 'precious'), 'utf8') === 'precious';

describe('The archive of a snapshot', () => {
  it('is put upon a checkout as it was, and what is gone is removed', async () => {
    writeFileSync(join(into, 'README.md'), 'read me');
    mkdirSync(join(into, 'src'));
    writeFileSync(join(into, 'src', 'old'), 'old');
    const told = await unpack(
      { name: 'gone', text: 'README.md\0src/old\0never/there\0' },
      { name: 'workspace/', type: 'directory', mode: 0o755 },
      { name: 'workspace/made/', type: 'directory', mode: 0o750 },
      { name: 'workspace/src/new', mode: 0o755, text: 'new' },
      { name: 'workspace/made/empty', mode: 0o600 },
      { name: 'workspace/env', type: 'symlink', linkname: '/usr/bin/env' },
    );
    expect(told).toEqual({ files: 2, bytes: 3, links: 1, removed: 3 });
    expect(readdirSync(into, { recursive: true }).toSorted()).toEqual(['env', 'made', 'made/empty', 'src', 'src/new']);
    expect(readFileSync(join(into, 'src/new'), 'utf8')).toBe('new');
    const modes = ['src/new', 'made/empty', 'made'].map((path) => lstatSync(join(into, path)).mode & 0o777);
    expect(modes).toEqual([0o755, 0o600, 0o750]);
    expect(lstatSync(join(into, 'src/new')).mtimeMs).toBe(1000);
    expect(readlinkSync(join(into, 'env'))).toBe('/usr/bin/env');
  });

  it('takes the place of what is of another kind', async () => {
    mkdirSync(join(into, 'directory'));
    writeFileSync(join(into, 'directory', 'x'), 'x');
    writeFileSync(join(into, 'file'), 'file');
    await unpack(
      { name: 'workspace/directory', text: 'now a file' },
      { name: 'workspace/file/x', text: 'now below a directory' },
    );
    expect(readFileSync(join(into, 'directory'), 'utf8')).toBe('now a file');
    expect(readFileSync(join(into, 'file/x'), 'utf8')).toBe('now below a directory');
  });

  it('is never written through links of the checkout', async () => {
    symlinkSync(outside, join(into, 'link'));
    symlinkSync(join(outside, 'precious'), join(into, 'file'));
    await unpack(
      { name: 'gone', text: 'link/precious\0' },
      { name: 'workspace/link/precious', text: 'mine' },
      { name: 'workspace/file', text: 'mine' },
    );
    expect(untouched()).toBe(true);
    expect(readFileSync(join(into, 'link/precious'), 'utf8')).toBe('mine');
  });

  it.each<[string, Member[]]>([
    [
      'a file behind it',
      [
        { name: 'workspace/link', type: 'symlink', linkname: '../outside' },
        { name: 'workspace/link/precious', text: 'mine' },
      ],
    ],
    [
      'a directory of its own name',
      [
        { name: 'workspace/link', type: 'symlink', linkname: '../outside' },
        { name: 'workspace/link/', type: 'directory', mode: 0o700 },
      ],
    ],
    [
      'a directory below',
      [
        { name: 'workspace/link', type: 'symlink', linkname: '..' },
        { name: 'workspace/link/outside/', type: 'directory', mode: 0o700 },
      ],
    ],
    [
      'a link below',
      [
        { name: 'workspace/link', type: 'symlink', linkname: '../outside' },
        { name: 'workspace/link/precious', type: 'symlink', linkname: 'elsewhere' },
      ],
    ],
  ])('is never written through links of its own, with %s', async (_what, members) => {
    const mode = lstatSync(outside).mode;
    for (const order of [members, members.toReversed()]) await unpack(...order).catch(() => undefined);
    expect(untouched()).toBe(true);
    expect(lstatSync(outside).mode).toBe(mode);
  });

  it.each<[string, Member]>([
    ['outside', { name: '../outside/precious', text: 'mine' }],
    ['beside the workspace', { name: 'elsewhere', text: 'mine' }],
    ['above it', { name: 'workspace/../../outside/precious', text: 'mine' }],
    ['anywhere', { name: '/etc/foldline', text: 'mine' }],
    ['under a name with a control character', { name: 'workspace/a\u0007b', text: 'mine' }],
    ['as another name of a file', { name: 'workspace/x', type: 'link', linkname: '../outside/precious' }],
    ['as a device', { name: 'workspace/x', type: 'character-device' }],
    ['to be removed outside', { name: 'gone', text: '../outside/precious\0' }],
  ])('is refused when it has something %s', async (_where, member) => {
    await expect(unpack(member)).rejects.toThrow(/the archive (names a path|has an entry)/);
    expect(untouched()).toBe(true);
  });

  it('gives no permissions but those of reading, writing and running', async () => {
    await unpack({ name: 'workspace/run', mode: 0o6755, text: '#!/bin/sh' });
    expect(lstatSync(join(into, 'run')).mode & 0o7777).toBe(0o755);
  });

  it('is an error when it ends early or is none', async () => {
    const whole = await archiveOf({ name: 'workspace/a', text: 'x'.repeat(5000) });
    await expect(unpackArchive(inPieces(whole.subarray(0, -9)), into)).rejects.toThrow();
    await expect(unpackArchive(inPieces(Buffer.from('no archive')), into)).rejects.toThrow();
    const cut = gzipSync(Buffer.from('no tar archive'.repeat(100)));
    await expect(unpackArchive(inPieces(cut), into)).rejects.toThrow();
  });

  it('is put into directories that only their owner could not write', async () => {
    mkdirSync(join(into, 'closed'));
    chmodSync(join(into, 'closed'), 0o700);
    await unpack(
      { name: 'workspace/closed/', type: 'directory', mode: 0o500 },
      { name: 'workspace/closed/x', text: 'x' },
    );
    expect(existsSync(join(into, 'closed/x'))).toBe(true);
  });
});
