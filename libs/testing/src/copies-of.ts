import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';

/**
 * A directory that is made once for all tests of a file, of which each gets a copy: making a repository takes a process of
 * git for every step, and copying it none.
 */
export const copiesOf = <Facts>(make: (directory: string) => Facts): ((into: string) => Facts) => {
  let made: { directory: string; facts: Facts } | undefined;
  afterAll(() => made && rmSync(made.directory, { recursive: true, force: true }));
  return (into) => {
    if (!made) {
      const directory = mkdtempSync(join(tmpdir(), 'foldline-copied-'));
      made = { directory, facts: make(directory) };
    }
    cpSync(made.directory, into, { recursive: true });
    return made.facts;
  };
};
