import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { CommandFailure, EXIT } from '../command-failure.ts';
import type { Change } from './lint.ts';

/**
 * Gives files of the working copy their new texts, each as a whole or not at all; nothing is written unless all of them
 * may be, and are still what was read.
 */
export const rewrite = async (root: string, changes: ReadonlyMap<string, Change>): Promise<void> => {
  const texts = new Map<string, string>();
  for (const [file, change] of changes) texts.set(await admitted(root, file, change), change.after);
  for (const [path, text] of texts) await replace(path, text);
};

const admitted = async (root: string, file: string, { before }: Change): Promise<string> => {
  const path = await realpath(join(root, file));
  const inside = relative(await realpath(root), path);
  if (inside.startsWith(`..${sep}`) || inside === '..')
    throw new CommandFailure(EXIT.usage, `${path} is outside of the repository; it was not changed`);
  const bytes = await readFile(path);
  if (!bytes.equals(Buffer.from(before)))
    throw new CommandFailure(EXIT.usage, `${path} was changed meanwhile, or is not UTF-8; nothing was written`);
  return path;
};

const replace = async (path: string, text: string): Promise<void> => {
  const next = `${path}.${process.pid}.foldline`;
  const { mode } = await stat(path);
  try {
    const file = await open(next, 'wx', mode & 0o777);
    try {
      await file.writeFile(text);
      await file.chmod(mode & 0o777);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(next, path);
  } catch (error) {
    await rm(next, { force: true });
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(EXIT.usage, `${path} could not be written: ${why}`);
  }
};
