import { spawn } from 'node:child_process';
import { constants, copyFileSync, lstatSync, mkdirSync, readdirSync, readlinkSync, symlinkSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { TransientError } from '@foldline/kernel';

/** Up to so many entries are copied here and now: cheaper than starting a program. */
const SMALL_TREE = 300;

/** How many entries a directory holds, counted no further than it takes to call it large. */
export const isSmallTree = (directory: string): boolean => {
  let left = SMALL_TREE;
  const walk = (path: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      left -= 1;
      if (left < 0) return;
      if (entry.isDirectory()) walk(join(path, entry.name));
    }
  };
  walk(directory);
  return left >= 0;
};

/**
 * Copies a directory to a new place, sharing blocks where the file system can. Never by hard links: a job may change
 * its files in place.
 */
export const copyTree = async (from: string, to: string, small: boolean): Promise<void> => {
  if (small) copyHere(from, to);
  else await copyByProgram(from, to);
};

const copyHere = (from: string, to: string): void => {
  mkdirSync(to);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) copyHere(source, target);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else copyFileSync(source, target, constants.COPYFILE_FICLONE);
  }
};

const copyByProgram = async (from: string, to: string): Promise<void> => {
  const child = spawn('cp', ['-a', '--reflink=auto', '--', from, to], { stdio: ['ignore', 'ignore', 'pipe'] });
  let message = '';
  child.stderr.on('data', (chunk: Buffer) => {
    message = (message + chunk.toString('utf8')).slice(0, 1000);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new TransientError(`the checkout could not be copied: ${message.trim()}`);
};

export const exists = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
