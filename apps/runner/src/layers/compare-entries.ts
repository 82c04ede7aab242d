import { lstatSync, type Stats } from 'node:fs';

/** What tells whether an entry is still the one that it was: no program can set the time of its last change back. */
export type Identity = { ino: number; ctimeMs: number };
/** Entries below a directory, and what they were; can be sent to another thread. */
export type EntriesToCompare = {
  root: string;
  /** Paths, some of them in each text with a zero between two. */
  paths: readonly string[];
  /** Of each of them, as two numbers. */
  identities: Float64Array;
};
/** How far the threads that compare them have come is in `shared`. */
export type Comparing = EntriesToCompare & { shared: SharedArrayBuffer };

const AT_A_TIME = 512;
/** Two changes that are not further apart may have the same time. */
const TICK_MS = 20;

/** What has been changed just now may be changed again without another time: it is looked at the next time in any case. */
export const identityOf = ({ ino, ctimeMs }: Stats): Identity => ({
  ino,
  ctimeMs: ctimeMs > Date.now() - TICK_MS ? Number.NaN : ctimeMs,
});

export const entriesToCompare = (root: string, known: ReadonlyMap<string, Identity>): EntriesToCompare => {
  const identities = new Float64Array(new SharedArrayBuffer(known.size * 2 * Float64Array.BYTES_PER_ELEMENT));
  let at = 0;
  for (const { ino, ctimeMs } of known.values()) {
    identities[at] = ino;
    identities[at + 1] = ctimeMs;
    at += 2;
  }
  const all = [...known.keys()];
  const paths: string[] = [];
  for (let from = 0; from < all.length; from += AT_A_TIME) paths.push(all.slice(from, from + AT_A_TIME).join('\0'));
  return { root, paths, identities };
};

/** Whether they are so few that one thread is done before another has heard of it. */
export const areFew = ({ identities }: EntriesToCompare): boolean => identities.length / 2 <= 4 * AT_A_TIME;

export const beginComparing = (entries: EntriesToCompare): Comparing => ({
  ...entries,
  shared: new SharedArrayBuffer(4),
});

/** Paths of which something else or nothing is there now. Several threads may compare at once. */
export const changedEntries = ({ root, paths, identities, shared }: Comparing): string[] => {
  const next = new Int32Array(shared);
  const changed: string[] = [];
  for (let n = Atomics.add(next, 0, 1); n < paths.length; n = Atomics.add(next, 0, 1)) {
    let at = 2 * n * AT_A_TIME;
    for (const path of paths[n]!.split('\0')) {
      if (!isStill(`${root}/${path}`, identities[at]!, identities[at + 1]!)) changed.push(path);
      at += 2;
    }
  }
  return changed;
};

const isStill = (path: string, ino: number, ctimeMs: number): boolean => {
  try {
    const now = lstatSync(path, { throwIfNoEntry: false });
    return now !== undefined && now.ino === ino && now.ctimeMs === ctimeMs;
  } catch {
    // What cannot be looked at any more, because links lead in a circle for example, is not what it was.
    return false;
  }
};
