import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { extract } from 'tar-stream';
import { tarArchive } from './tar-archive.ts';

const mtime = new Date(0);

describe('An archive', () => {
  it.each([0, 0o200, 0o644, 0o777])('gives files and directories the permissions that they had: %o', async (mode) => {
    const content = () => Readable.from([Buffer.from('x')]);
    const archive = tarArchive([
      { kind: 'dir', path: 'directory', mode, mtime },
      { kind: 'file', path: 'file', mode, mtime, size: 1, content },
    ]);
    const modes: Record<string, number | undefined> = {};
    for await (const entry of archive.pipe(createGunzip()).pipe(extract())) {
      modes[`${entry.header.type} ${entry.header.name}`] = entry.header.mode;
      entry.resume();
    }
    expect(modes).toEqual({ 'directory directory/': mode, 'file file': mode });
  });
});
