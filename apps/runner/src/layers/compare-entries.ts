import { lstatSync, type Stats } from 'node:fs';

/** What tells whether an entry is still the one that it was: no program can set the time of its last change back. */
export type Identity = { ino: number; ctimeMs: number };
/** Entries below a directory, and what they were; can be sent to another thread. */
export type EntriesToCompare = {
  root: string;
  /** Paths, each ended by a zero. */
  paths: string;
  /** Of each of them, as two numbers. */
  identities: Float64Array;
  /** How far the threads that compare them have come. */
  shared: SharedArrayBuffer;
};

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
  return { root, paths: [...known.keys()].join('\0'), identities, shared: new SharedArrayBuffer(4) };
};

/** Whether they are so few that one thread is done before another has heard of it. */
export const areFew = ({ identities }: EntriesToCompare): boolean => identities.length / 2 <= 4 * AT_A_TIME;

/** Paths of which something else or nothing is there now. Several threads may compare at once. */
export const changedEntries = ({ root, paths, identities, shared }: EntriesToCompare): string[] => {
  const all = paths.split('\0');
  const count = identities.length / 2;
  const next = new Int32Array(shared);
  const changed: string[] = [];
  for (let from = Atomics.add(next, 0, AT_A_TIME); from < count; from = Atomics.add(next, 0, AT_A_TIME))
    for (let at = from; at < Math.min(from + AT_A_TIME, count); at += 1)
      if (!isStill(`${root}/${all[at]!}`, identities[2 * at]!, identities[2 * at + 1]!)) changed.push(all[at]!);
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
