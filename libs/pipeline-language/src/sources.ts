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
};

/** What a definition must know of the repository before anything can be said of it. */
export type Wanted = { files: readonly string[]; paths: boolean; changes: readonly string[] };

/** Looks into a repository, at one commit. */
export type Look = {
  file: (path: string) => Promise<string | undefined>;
  paths: () => Promise<readonly string[]>;
  /** Since a ref, or since the last push where that is empty; `null` where it is not there. */
  changes: (since: string) => Promise<readonly string[] | null>;
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
    const [files, changes] = await Promise.all([
      lookedUp(wanted.files, async (path) => (await look.file(path)) ?? null),
      lookedUp(wanted.changes, look.changes),
    ]);
    const paths = sources.paths ?? (wanted.paths ? await look.paths() : undefined);
    sources = {
      files: { ...sources.files, ...files },
      changes: { ...sources.changes, ...changes },
      ...(paths && { paths }),
    };
  }
};

const lookedUp = async <Value>(
  keys: readonly string[],
  find: (key: string) => Promise<Value>,
): Promise<Record<string, Value>> =>
  Object.fromEntries(await Promise.all(keys.map(async (key) => [key, await find(key)] as const)));

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
    const { files, changes } = result.wanted;
    sources = {
      ...sources,
      files: { ...sources.files, ...nothing(files) },
      changes: { ...sources.changes, ...nothing(changes) },
    };
  }
};
