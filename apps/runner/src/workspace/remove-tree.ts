import { chmodSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Removes a file or a directory with everything in it; nothing happens when there is none. */
export const removeTree = (path: string): void => {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Tools leave read-only directories behind (Go's module cache does); they are made writable and tried once more.
    makeWritable(path);
    rmSync(path, { recursive: true, force: true });
  }
};

const makeWritable = (directory: string): void => {
  chmodSync(directory, 0o700);
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) makeWritable(join(directory, entry.name));
  }
};
