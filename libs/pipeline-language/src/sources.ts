/** Files beside the definition, by their path from the root of the repository. */
export type Sources = {
  /** Texts that were looked up; `null` where there is no such file. */
  files: Readonly<Record<string, string | null>>;
  /** Every file of the commit, when it was asked for. */
  paths?: readonly string[];
};

/** What a definition must know of the repository before anything can be said of it. */
export type Wanted = { files: readonly string[]; paths: boolean };

/** Looks into a repository, at one commit. */
export type Look = {
  file: (path: string) => Promise<string | undefined>;
  paths: () => Promise<readonly string[]>;
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
    const found = await Promise.all(wanted.files.map(async (path) => [path, (await look.file(path)) ?? null] as const));
    const paths = sources.paths ?? (wanted.paths ? await look.paths() : undefined);
    sources = { files: { ...sources.files, ...Object.fromEntries(found) }, ...(paths && { paths }) };
  }
};

/** The same where nobody can look: what is not known is not there. */
export const withoutLooking = <Result extends object>(
  given: Sources = NO_SOURCES,
  attempt: (sources: Sources) => Result | { wanted: Wanted },
): Result => {
  let sources: Sources = { paths: [], ...given };
  for (;;) {
    const result = attempt(sources);
    if (!('wanted' in result)) return result;
    const missing = Object.fromEntries(result.wanted.files.map((path) => [path, null]));
    sources = { ...sources, files: { ...sources.files, ...missing } };
  }
};
