import { lstatSync, type Stats } from 'node:fs';
import { systemCode } from '@foldline/kernel';

/** What lies at a path, if anything does. */
export const statsAt = (path: string): Stats | undefined => {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    // In the place of what it lay in is a file, or a link that leads in a circle.
    if (['ENOTDIR', 'ELOOP'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
};
