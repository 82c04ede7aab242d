import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { keptSecret } from './kept-secret.ts';

describe('a secret that the server makes for itself', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-secret-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('is made once and is the same ever after', () => {
    const first = keptSecret(directory, 'admin-token', 'fl_');
    const second = keptSecret(directory, 'admin-token', 'fl_');

    expect(first.isNew).toBe(true);
    expect(first.value).toMatch(/^fl_[\w-]{43}$/);
    expect(second).toEqual({ value: first.value, isNew: false });
  });

  it('is readable by this user only, and nothing else is left beside it', () => {
    keptSecret(directory, 'admin-token', 'fl_');

    expect(statSync(join(directory, 'admin-token')).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['admin-token']);
  });

  it('is made anew when a crash left its file empty: nothing can have used it', () => {
    writeFileSync(join(directory, 'secret-key'), '');

    const made = keptSecret(directory, 'secret-key', '');

    expect(made).toMatchObject({ isNew: true, value: expect.stringMatching(/^[\w-]{43}$/) });
    expect(readFileSync(join(directory, 'secret-key'), 'utf8').trim()).toBe(made.value);
  });

  it('never appears as a file that is not complete', () => {
    writeFileSync(join(directory, 'admin-token.unfinished'), 'fl_hal');

    expect(keptSecret(directory, 'admin-token', 'fl_').value).toMatch(/^fl_[\w-]{43}$/);
    expect(readdirSync(directory)).toEqual(['admin-token']);
  });
});
