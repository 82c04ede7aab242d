import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { logStoreContract } from '@foldline/testing';
import { openFileLogStore } from './file-log-store.ts';

const newDirectory = () => mkdtempSync(join(tmpdir(), 'foldline-logs-'));

const fixture = (openLogs: number) => async () => {
  const directory = newDirectory();
  const reopen = () => openFileLogStore({ directory, openLogs });
  return { store: await reopen(), reopen, close: async () => rmSync(directory, { recursive: true, force: true }) };
};

logStoreContract('files', fixture(256));

describe('logs as files', () => {
  let directory: string;
  beforeEach(() => {
    directory = newDirectory();
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const descriptors = () => readdirSync('/proc/self/fd').length;

  it('closes the logs that were used least lately and finds them again', async () => {
    const store = await openFileLogStore({ directory, openLogs: 4 });
    const before = descriptors();
    for (let round = 0; round < 3; round += 1) {
      for (let n = 0; n < 40; n += 1) {
        await store.append(`attempt.${n}`, { sequence: round, offset: round * 2, bytes: Buffer.from(`${round}\n`) });
      }
    }
    expect(descriptors() - before).toBeLessThanOrEqual(4);
    const sha256 = createHash('sha256').update('0\n1\n2\n').digest('hex');
    for (let n = 0; n < 40; n += 1) await store.seal(`attempt.${n}`, { bytes: 6, sha256 });
    expect((await store.read('attempt.17', 0, 10)).toString()).toBe('0\n1\n2\n');
  });

  it('leaves no descriptor open after followers are gone and logs sealed', async () => {
    const store = await openFileLogStore({ directory });
    const before = descriptors();
    const abort = new AbortController();
    await store.append('a.1', { sequence: 0, offset: 0, bytes: Buffer.from('one') });
    const follower = store.follow('a.1', 0, abort.signal)[Symbol.asyncIterator]();
    await follower.next();
    const waiting = follower.next();
    abort.abort();
    await waiting;
    await store.seal('a.1', { bytes: 3, sha256: createHash('sha256').update('one').digest('hex') });
    expect(descriptors()).toBe(before);
  });

  it('makes files for this user alone', async () => {
    const store = await openFileLogStore({ directory });
    await store.append('a.1', { sequence: 0, offset: 0, bytes: Buffer.from('one') });
    const [shard] = readdirSync(directory);
    expect(statSync(join(directory, shard!, 'a.1.log')).mode & 0o777).toBe(0o600);
  });
});
