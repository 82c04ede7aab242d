// Where things are in this workspace. Plain enough to run on the oldest Node that gets as far as a version check.
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const PARENTS = ['libs', 'libs/adapters', 'apps'];
const SKIPPED = new Set(['node_modules', 'dist', 'coverage', '.git', '.nx', '.foldline']);

/** Folders of all projects, relative to the root: `libs/kernel`, `libs/adapters/sqlite`, `apps/cli` … */
export const projectFolders = () =>
  PARENTS.flatMap((parent) => readdirSync(join(root, parent)).map((name) => `${parent}/${name}`)).filter((folder) =>
    existsSync(join(root, folder, 'package.json')),
  );

/** Files under a folder, relative to the root and with `/`, without what is installed or built. */
export const filesUnder = (folder) =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return [];
    const path = folder === '.' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return filesUnder(path);
    return entry.isFile() ? [path] : [];
  });
