type Known = { segments: readonly string[]; methods: Set<string> };

const WILDCARD = '*';
const segmentsOf = (path: string): string[] => path.split('/').slice(1);

const fits = (pattern: readonly string[], path: readonly string[]): boolean => {
  const rest = pattern.at(-1) === WILDCARD;
  if (rest ? path.length < pattern.length : path.length !== pattern.length) return false;
  return pattern.every((segment, at) =>
    segment === WILDCARD || segment.startsWith(':') ? path[at] !== '' : segment === path[at],
  );
};

/** The paths that are served and their methods, as routes are added; for requests that none of them took. */
export class KnownPaths {
  private readonly known = new Map<string, Known>();

  add({ url, method }: { url: string; method: string | readonly string[] }): void {
    const path = this.known.get(url) ?? { segments: segmentsOf(url), methods: new Set<string>() };
    for (const name of [method].flat()) path.methods.add(name);
    this.known.set(url, path);
  }

  /** What a path, without its query, may be asked; nothing when there is no such path. */
  methodsOf(path: string): string[] {
    const segments = segmentsOf(path);
    const methods = [...this.known.values()].filter((one) => fits(one.segments, segments)).map((one) => one.methods);
    return [...new Set(methods.flatMap((names) => [...names]))].toSorted();
  }
}
