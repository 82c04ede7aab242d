import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type Shell = { path: string; options: string };

const CANDIDATES: readonly Shell[] = [
  { path: '/bin/bash', options: 'set -eo pipefail' },
  { path: '/usr/bin/bash', options: 'set -eo pipefail' },
  { path: '/bin/sh', options: 'set -e' },
];

/** Bash where there is one, as GitLab's runner does. */
export const findShell = (): Shell => CANDIDATES.find(({ path }) => existsSync(path)) ?? CANDIDATES.at(-1)!;

let counter = 0;

/** Writes the script where only this user reads it: it may hold what its author should not have written there. */
export const writeScript = (directory: string, text: string): string => {
  const path = join(directory, `step-${process.pid}-${(counter += 1)}.sh`);
  writeFileSync(path, text, { mode: 0o700, flag: 'wx' });
  return path;
};
