// Whether node_modules holds what the lock file says.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What npm was writing when it was killed is no list. */
const parsed = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
};

/** Packages by their place. What a project of the workspace depends on is its own affair: what matters is what is there. */
const packagesIn = (file) =>
  new Map(
    Object.entries(parsed(readFileSync(file, 'utf8')).packages ?? {}).filter(([place]) =>
      place.includes('node_modules/'),
    ),
  );

const isSame = (wanted, found) =>
  wanted.link
    ? found.link === true && found.resolved === wanted.resolved
    : found.version === wanted.version && found.integrity === wanted.integrity;

/** By npm's own list of what it has put there. What is optional may be missing: it is for other systems. */
export const isInstalled = (directory) => {
  const list = join(directory, 'node_modules/.package-lock.json');
  if (!existsSync(list)) return false;
  const wanted = packagesIn(join(directory, 'package-lock.json'));
  const found = packagesIn(list);
  return (
    [...found.keys()].every((place) => wanted.has(place)) &&
    [...wanted].every(([place, one]) => (found.has(place) ? isSame(one, found.get(place)) : one.optional === true))
  );
};
