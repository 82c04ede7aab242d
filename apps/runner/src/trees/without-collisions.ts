import { placeOf } from '@foldline/contracts';
import type { Found } from './select-entries.ts';

/**
 * Where the tree is put back, names that differ in case or composition only may be one place, and what a manifest could
 * not say is left out here, where somebody is told.
 */
export const withoutCollisions = (entries: readonly Found[], note: (text: string) => void): Found[] => {
  const places = new Map<string, Found>();
  for (const entry of entries) {
    const place = placeOf(entry.path);
    const other = places.get(place);
    if (other) note(`${entry.path} was left out: elsewhere it is the same file as ${other.path}`);
    else places.set(place, entry);
  }
  const blocked = new Map<string, string | undefined>();
  return [...places.values()].filter(({ path }) => {
    const above = blockedBy(directoryOf(placeOf(path)), places, blocked);
    if (above !== undefined) note(`${path} was left out: elsewhere ${above} is in its way`);
    return above === undefined;
  });
};

const directoryOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));

/** The file or link that lies where a directory should; each directory is looked at once. */
const blockedBy = (
  directory: string,
  places: ReadonlyMap<string, Found>,
  known: Map<string, string | undefined>,
): string | undefined => {
  if (directory === '') return undefined;
  if (known.has(directory)) return known.get(directory);
  const entry = places.get(directory);
  const own = entry && entry.kind !== 'dir' ? entry.path : blockedBy(directoryOf(directory), places, known);
  known.set(directory, own);
  return own;
};
