import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PermanentError, Refusal, systemCode } from '@foldline/kernel';

const ONLY_FOR_US = 0o700;

/**
 * Makes the data directory and sees that it can be written, then does the first work in it. Refuses with
 * `data_directory_unusable` where the operating system does not let us.
 */
export const prepareDataDirectory = <Result>(directory: string, work: () => Result): Result => {
  try {
    makeDirectory(directory);
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    // Some file systems, /proc for one, say that everything may be written and then let nothing be made.
    makeDirectory(join(directory, 'events'));
    return work();
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    throw new Refusal('data_directory_unusable', `The data directory ${directory} cannot be used: ${because(code)}`, {
      directory,
    });
  }
};

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'its file system is read-only',
  ENOSPC: 'its disk is full',
  ENOTDIR: 'it, or something above it, is a file',
  ENOENT: 'nothing can be made there',
};
const because = (code: string): string => (REASONS[code] ? `${REASONS[code]} (${code})` : code);

/** One folder after the other: Node's recursive `mkdir` never ends below /proc, where a folder is missing for ever. */
const makeDirectory = (directory: string): void => {
  const missing: string[] = [];
  for (let path = directory; !existsSync(path); path = dirname(path)) missing.unshift(path);
  for (const path of missing) makeFolder(path);
  if (!statSync(directory).isDirectory()) throw Object.assign(new PermanentError('a file'), { code: 'ENOTDIR' });
};

const makeFolder = (path: string): void => {
  try {
    mkdirSync(path, { mode: ONLY_FOR_US });
  } catch (error) {
    // Somebody else has just made it; what it is, is looked at afterwards.
    if (systemCode(error) !== 'EEXIST') throw error;
  }
};
