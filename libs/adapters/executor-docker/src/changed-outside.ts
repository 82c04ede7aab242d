import { posix } from 'node:path';
import { SITE_ROOT } from '@foldline/kernel';
import { PRIVATE_DIRECTORY } from './container-options.ts';

/** Of a file in a container, as its daemon tells it; directories above it are told as well. */
export type Change = { Path: string };

/** What lies there is of no use to a later step, or is there again by itself. */
const PASSING = [SITE_ROOT, PRIVATE_DIRECTORY, '/tmp', '/var/tmp', '/run', '/var/run', '/dev', '/proc', '/sys'];
/** The same in a home directory: package managers look again for what they had there. */
const PASSING_AT_HOME = ['.cache', '.npm'];
const HOME = /^(?:\/root|\/home\/[^/]{1,255})\//;

/** One of the files that make the container another than its image for whoever goes on; nothing where there is none. */
export const changedOutside = (changes: readonly Change[]): string | undefined => {
  const above = new Set(changes.map(({ Path }) => posix.dirname(Path)));
  return changes.map(({ Path }) => Path).find((path) => !above.has(path) && !isPassing(path));
};

const isPassing = (path: string): boolean => {
  const home = HOME.exec(path)?.[0];
  const passing = home === undefined ? PASSING : PASSING_AT_HOME.map((name) => home + name);
  return passing.some((each) => path === each || path.startsWith(`${each}/`));
};
