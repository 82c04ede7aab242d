import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PermanentError } from '@foldline/kernel';
import { objectStoreContract } from '@foldline/testing';
import { openFileObjectStore } from './file-object-store.ts';

const newDirectory = () => mkdtempSync(join(tmpdir(), 'foldline-objects-'));
const pathIn = (directory: string, digest: string) => join(directory, 'sha256', digest.slice(0, 2), digest);

objectStoreContract('files', async () => {
  const directory = newDirectory();
  return {
    store: await openFileObjectStore({ directory }),
    damage: async (digest) => {
      const path = pathIn(directory, digest);
      const bytes = readFileSync(path);
      bytes[Math.floor(bytes.length / 2)]! ^= 1;
      chmodSync(path, 0o600);
      writeFileSync(path, bytes);
    },
    close: async () => rmSync(directory, { recursive: true, force: true }),
  };
});

describe('objects as files', () => {
  let directory: string;
  beforeEach(() => {
    directory = newDirectory();
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('makes objects read-only, in folders for this user alone', async () => {
    const store = await openFileObjectStore({ directory });
    const { digest } = await store.put(Buffer.from('content'));
    expect(statSync(pathIn(directory, digest)).mode & 0o777).toBe(0o400);
    expect(statSync(join(directory, 'sha256')).mode & 0o777).toBe(0o700);
  });

  it('makes a folder when it has an object to put there', async () => {
    const store = await openFileObjectStore({ directory });
    const before = readdirSync(join(directory, 'sha256'));
    const [one, same] = await Promise.all([store.put(Buffer.from('content')), store.put(Buffer.from('content'))]);
    expect({ before, after: readdirSync(join(directory, 'sha256')) }).toEqual({
      before: [],
      after: [one.digest.slice(0, 2)],
    });
    expect(same).toEqual(one);
  });

  it('finds at the next start what was kept', async () => {
    const { digest } = await (await openFileObjectStore({ directory })).put(Buffer.from('content'));
    expect((await (await openFileObjectStore({ directory })).read(digest))?.toString()).toBe('content');
  });

  it('removes what an earlier process left half written, and nothing of a living one', async () => {
    await openFileObjectStore({ directory });
    writeFileSync(join(directory, 'tmp', `${process.pid}-another-1`), 'half');
    writeFileSync(join(directory, 'tmp', '999999999-gone-1'), 'half');
    writeFileSync(join(directory, 'tmp', `${process.ppid}-alive-1`), 'half');
    await openFileObjectStore({ directory });
    expect(readdirSync(join(directory, 'tmp'))).toEqual([`${process.ppid}-alive-1`]);
  });

  it('opens while another process is done with what it was writing', async () => {
    await openFileObjectStore({ directory });
    // Listed, and gone when it is looked at.
    symlinkSync(join(directory, 'nothing'), join(directory, 'tmp', `${process.ppid}-abc-1`));
    await expect(openFileObjectStore({ directory })).resolves.toBeDefined();
  });

  it('does not disturb a stream being written when the store is opened again', async () => {
    const store = await openFileObjectStore({ directory });
    const source = new Readable({ read() {} });
    const stored = store.put(source);
    source.push('first ');
    await openFileObjectStore({ directory });
    source.push('second');
    source.push(null);
    expect((await store.read((await stored).digest))?.toString()).toBe('first second');
  });

  it('leaves no temporary file after a refusal', async () => {
    const store = await openFileObjectStore({ directory });
    await expect(store.put(Readable.from([Buffer.alloc(100)]), { maxBytes: 10 })).rejects.toThrow();
    expect(readdirSync(join(directory, 'tmp'))).toEqual([]);
  });

  it('writes an object again whose file was cut short', async () => {
    const store = await openFileObjectStore({ directory });
    const { digest } = await store.put(Buffer.from('content'));
    chmodSync(pathIn(directory, digest), 0o600);
    writeFileSync(pathIn(directory, digest), 'con');
    await store.put(Buffer.from('content'));
    expect((await store.read(digest))?.toString()).toBe('content');
  });

  it('does not follow a link when keeping a file', async () => {
    const store = await openFileObjectStore({ directory });
    const link = join(directory, 'link');
    symlinkSync('/etc/hostname', link);
    await expect(store.putFile(link)).rejects.toThrow(PermanentError);
  });
});
