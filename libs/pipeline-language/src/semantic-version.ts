/** `v1.2.3` and `1.2.3`; what is before a release is none that anybody is given without asking for it by name. */
const RELEASE = /^v?(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:\+[\w.-]+)?$/;
const PARTIAL = /^(0|[1-9]\d{0,8})(?:\.(0|[1-9]\d{0,8}))?$/;
const LATEST = '~latest';

export const isRelease = (tag: string): boolean => RELEASE.test(tag);

/** The start of a version, for which the newest stands that begins so. */
export const isPartialVersion = (version: string): boolean => version === LATEST || PARTIAL.test(version);

/** The newest of the tags that a partial version means. */
export const newestOf = (tags: Iterable<string>, partial: string): string | undefined => {
  const start = partial === LATEST ? [] : partial.split('.').map(Number);
  const releases = [...tags].flatMap((tag) => {
    const [, ...numbers] = RELEASE.exec(tag)?.slice(0, 4) ?? [];
    const release = numbers.map(Number);
    return release.length === 3 && start.every((part, n) => part === release[n]) ? [{ tag, release }] : [];
  });
  return releases.toSorted((a, b) => compare(b.release, a.release))[0]?.tag;
};

const compare = (a: readonly number[], b: readonly number[]): number =>
  a.map((part, n) => part - b[n]!).find((difference) => difference !== 0) ?? 0;
