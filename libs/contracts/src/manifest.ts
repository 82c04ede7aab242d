import { z } from 'zod';

/** Limits of one tree. A runner may be hostile, so whoever reads a manifest checks them again. */
export const TREE_LIMITS = {
  entries: 100_000,
  depth: 64,
  pathBytes: 1024,
  bytes: 2 * 1024 ** 3,
  manifestBytes: 32 * 1024 ** 2,
} as const;

export const treePath = z.string().min(1);
export const treeMode = z.number().int().min(0).max(0o777);
export const objectDigest = z.string().regex(/^[0-9a-f]{64}$/);
const entry = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('file'),
    path: treePath,
    mode: treeMode,
    size: z.number().int().min(0),
    digest: objectDigest,
  }),
  z.strictObject({ kind: z.literal('dir'), path: treePath, mode: treeMode }),
  z.strictObject({ kind: z.literal('link'), path: treePath, target: z.string().min(1) }),
]);
const schema = z.strictObject({ version: z.literal(1), entries: z.array(entry).max(TREE_LIMITS.entries) });

/** What artifacts and caches are: a list of files by digest, directories and links, sorted by path. */
export type TreeEntry = z.infer<typeof entry>;
export type TreeManifest = z.infer<typeof schema>;

/** The stored form: the same tree gives the same bytes, whoever packs it. */
export const serializeManifest = (entries: readonly TreeEntry[]): Buffer => {
  return Buffer.from(JSON.stringify({ version: 1, entries: byPath(entries) } satisfies TreeManifest));
};

export const byPath = <Entry extends { path: string }>(entries: readonly Entry[]): Entry[] =>
  entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));

/**
 * Reads a manifest that may come from anybody. Throws an `Error` that says what is wrong unless every path stays inside
 * the tree, no two paths are the same place, nothing lies below a file or a link, and no link leads out.
 */
export const parseManifest = (bytes: Uint8Array): TreeManifest => parseAs(schema, bytes);

/** For every form of a manifest. */
export const parseAs = <Manifest extends { entries: Placed[] }>(
  schema: z.ZodType<Manifest>,
  bytes: Uint8Array,
  form: TreeForm = 'portable',
): Manifest => {
  if (bytes.length > TREE_LIMITS.manifestBytes) throw new Error('the manifest is too large');
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw new Error('the manifest is not JSON', { cause });
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new Error(`the manifest has the wrong shape: ${parsed.error.issues[0]?.message ?? ''}`);
  checkPlaces(parsed.data.entries, form);
  return parsed.data;
};

/**
 * Portable trees mean the same on every host: no two names may be one elsewhere, no link leads out. Exact ones are for
 * hosts like the one where they were made, and have everything that was there.
 */
export type TreeForm = 'portable' | 'exact';
type Placed = { path: string } & ({ kind: 'file'; size: number } | { kind: 'dir' } | { kind: 'link'; target: string });

const checkPlaces = (entries: readonly Placed[], form: TreeForm): void => {
  const places = new Map<string, Placed['kind']>();
  let bytes = 0;
  for (const entry of entries) {
    const problem = pathProblem(entry.path) ?? (entry.kind === 'link' ? targetProblem(entry, form) : undefined);
    if (problem) throw new Error(`the manifest names a path that ${problem}`);
    const place = placeIn(form, entry.path);
    if (places.has(place)) throw new Error('the manifest names one place twice');
    places.set(place, entry.kind);
    if (entry.kind === 'file') bytes += entry.size;
  }
  if (bytes > TREE_LIMITS.bytes) throw new Error('the tree is too large');
  const sound = new Set<string>();
  for (const { path } of entries) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const directory = path.slice(0, end);
      if (sound.has(directory)) break;
      sound.add(directory);
      const above = places.get(placeIn(form, directory));
      if (above && above !== 'dir') throw new Error('the manifest puts something below a file or a link');
    }
  }
};

const targetProblem = ({ path, target }: { path: string; target: string }, form: TreeForm): string | undefined =>
  form === 'portable' ? linkProblem(path, target) : target.includes('\0') ? 'is a link to nowhere' : undefined;

const placeIn = (form: TreeForm, path: string): string => (form === 'portable' ? placeOf(path) : path);

/** File systems may fold case and composition: paths that could meet there count as one place. */
export const placeOf = (path: string): string => (ASCII.test(path) ? path : path.normalize('NFC')).toLowerCase();
/** Which has no other form. */
const ASCII = /^[ -~]*$/;

/** Why a path may not be part of a tree; nothing when it may. */
export const pathProblem = (path: string): string | undefined => {
  if (Buffer.byteLength(path) > TREE_LIMITS.pathBytes) return 'is too long';
  if (hasControl(path) || path.includes('\\')) return 'has control characters or backslashes';
  let depth = 0;
  let isInside = true;
  // Asked for each file of large trees, so nothing is made of the path.
  for (let from = 0, to = 0; from <= path.length; from = to + 1) {
    to = path.indexOf('/', from);
    if (to < 0) to = path.length;
    depth += 1;
    isInside &&= !isNoName(path, from, to);
  }
  if (depth > TREE_LIMITS.depth) return 'is too deep';
  return isInside ? undefined : 'leaves the tree';
};

/** Whether what lies between is nothing, `.` or `..`. */
const isNoName = (path: string, from: number, to: number): boolean =>
  to === from ||
  (to === from + 1 && path[from] === '.') ||
  (to === from + 2 && path[from] === '.' && path[from + 1] === '.');

/**
 * Why a symbolic link may not be part of a tree: its target must stay inside, seen from where the link lies. `..` may
 * stand only at the target's start: behind a name, which may itself be a link, it could lead anywhere.
 */
export const linkProblem = (path: string, target: string): string | undefined => {
  if (hasControl(target) || target.includes('\\') || target.startsWith('/')) return 'is a link that leaves the tree';
  const segments = target.split('/').filter((segment) => segment !== '' && segment !== '.');
  const ups = segments.findIndex((segment) => segment !== '..');
  const leading = ups < 0 ? segments.length : ups;
  if (leading > path.split('/').length - 1 || segments.slice(leading).includes('..'))
    return 'is a link that leaves the tree';
  return undefined;
};

const hasControl = (text: string): boolean => {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 32 || code === 127) return true;
  }
  return false;
};
