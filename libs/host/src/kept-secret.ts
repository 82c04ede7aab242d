import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A secret made once and kept in a file that only this user reads. The file is there whole or not at all. */
export const keptSecret = (directory: string, name: string, prefix: string): { value: string; isNew: boolean } => {
  const path = join(directory, name);
  const kept = existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
  if (kept) return { value: kept, isNew: false };
  const value = prefix + randomBytes(32).toString('base64url');
  const unfinished = `${path}.unfinished`;
  rmSync(unfinished, { force: true });
  writeFileSync(unfinished, `${value}\n`, { mode: 0o600, flag: 'wx' });
  syncPath(unfinished);
  renameSync(unfinished, path);
  syncPath(directory);
  return { value, isNew: true };
};

const syncPath = (path: string): void => {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
};
