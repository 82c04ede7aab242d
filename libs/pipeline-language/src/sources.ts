import { keyOf, notLookedUp, type Found, type Location } from './elsewhere.ts';

/** Files beside the definition, by their path from the root of the repository. */
export type Sources = {
  /** Texts that were looked up; `null` where there is no such file. */
  files: Readonly<Record<string, string | null>>;
  /** Every file of the commit, when it was asked for. */
  paths?: readonly string[];
  /**
   * Files that changed, by what they are compared with: a ref, or the last push where that is empty; `null` where it is
   * not there.
   */
  changes?: Readonly<Record<string, readonly string[] | null>>;
  /** What is not of the commit, by the key of where it is. */
  elsewhere?: Readonly<Record<string, Found>>;
};

/** What a definition must know of the repository, and of elsewhere, before anything can be said of it. */
export type Wanted = {
  files: readonly string[];
  paths: boolean;
  changes: readonly string[];
  elsewhere: readonly Location[];
};

export const bothWanted = (a: Wanted | undefined, b: Wanted | undefined): Wanted | undefined =>
  a && b
    ? {
        files: [...a.files, ...b.files],
        paths: a.paths || b.paths,
        changes: [...a.changes, ...b.changes],
        elsewhere: [...a.elsewhere, ...b.elsewhere],
      }
    : (a ?? b);

/** Looks into a repository, at one commit, and elsewhere. */
export type Look = {
  file: (path: string) => Promise<string | undefined>;
  paths: () => Promise<readonly string[]>;
  /** Since a ref, or since the last push where that is empty; `null` where it is not there. */
  changes: (since: string) => Promise<readonly string[] | null>;
  elsewhere: (location: Location) => Promise<Found>;
};

export const NO_SOURCES: Sources = { files: {} };

/**
 * Asks again and again, each time with what was wanted the last time, until nothing is. Every round brings files that
 * were not there before, and their number is bounded.
 */
export const withSources = async <Result extends object>(
  look: Look,
  attempt: (sources: Sources) => Result | { wanted: Wanted } | Promise<Result | { wanted: Wanted }>,
): Promise<Result> => {
  let sources = NO_SOURCES;
  for (;;) {
    const result = await attempt(sources);
    if (!('wanted' in result)) return result;
    const { wanted } = result;
    const [files, changes, elsewhere] = await Promise.all([
      lookedUp(wanted.files, async (path) => (await look.file(path)) ?? null),
      lookedUp(wanted.changes, look.changes),
      lookedUp(wanted.elsewhere, look.elsewhere, keyOf),
    ]);
    const paths = sources.paths ?? (wanted.paths ? await look.paths() : undefined);
    sources = {
      files: { ...sources.files, ...files },
      changes: { ...sources.changes, ...changes },
      elsewhere: { ...sources.elsewhere, ...elsewhere },
      ...(paths && { paths }),
    };
  }
};

const lookedUp = async <Thing, Value>(
  things: readonly Thing[],
  find: (thing: Thing) => Promise<Value>,
  keyed: (thing: Thing) => string = String,
): Promise<Record<string, Value>> =>
  Object.fromEntries(await Promise.all(things.map(async (thing) => [keyed(thing), await find(thing)] as const)));

/** The same where nobody can look: what is not known is not there. */
export const withoutLooking = <Result extends object>(
  given: Sources = NO_SOURCES,
  attempt: (sources: Sources) => Result | { wanted: Wanted },
): Result => {
  let sources: Sources = { paths: [], ...given };
  for (;;) {
    const result = attempt(sources);
    if (!('wanted' in result)) return result;
    const nothing = (keys: readonly string[]) => Object.fromEntries(keys.map((key) => [key, null]));
    const { files, changes, elsewhere } = result.wanted;
    sources = {
      ...sources,
      files: { ...sources.files, ...nothing(files) },
      changes: { ...sources.changes, ...nothing(changes) },
      elsewhere: {
        ...sources.elsewhere,
        ...Object.fromEntries(elsewhere.map((location) => [keyOf(location), notLookedUp(location)])),
      },
    };
  }
};
