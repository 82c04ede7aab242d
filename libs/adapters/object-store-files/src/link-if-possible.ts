import { linkSync } from 'node:fs';
import { systemCode } from '@foldline/kernel';

/** Other file systems, those that know no links, files that have too many, and users who may not. */
const IMPOSSIBLE = new Set(['EXDEV', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'EPERM']);

/** Gives a file another name; answers whether it has it. */
export const linkIfPossible = (path: string, name: string): boolean => {
  try {
    linkSync(path, name);
    return true;
  } catch (error) {
    if (IMPOSSIBLE.has(systemCode(error) ?? '')) return false;
    throw error;
  }
};
