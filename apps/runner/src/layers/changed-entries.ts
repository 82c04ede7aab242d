import { MOST_LAYERS, byPath, type LayeredEntry, type LayeredManifest } from '@foldline/contracts';
import type { PackedFile, TreeEntry } from '@foldline/squashfs';
import type { Found } from '../trees/select-entries.ts';

/** A tree as it was restored, by path. */
export type Base = { layers: LayeredManifest['layers']; entries: ReadonlyMap<string, LayeredEntry> };
/** What a new layer holds, and what is as it was. */
export type Changes = { layer: TreeEntry[]; kept: LayeredEntry[] };

/** Bytes in all layers for each byte that is still needed; beyond that everything is packed anew. */
const MOST_WASTE = 2;

/** Whether a tree is better packed as one layer than with one more upon what there is. */
export const isWornOut = ({ layers, entries }: Base): boolean => {
  let live = 0;
  for (const entry of entries.values()) if (entry.kind === 'file') live += entry.size;
  const content = layers.reduce((sum, layer) => sum + layer.content, 0);
  return layers.length >= MOST_LAYERS || content > MOST_WASTE * live;
};

type Kinds = ReadonlyMap<string, Found['kind']>;
/** What is there, which may be more than the tree has; and what lies below the base and is hidden. */
type Surroundings = { present?: Kinds; alsoGone?: readonly string[] };
const kindsOf = (found: readonly Found[]): Kinds => new Map(found.map(({ path, kind }) => [path, kind]));

/**
 * What of a tree differs from its base. The layer has each changed entry and the directories above it, since the topmost
 * layer with a directory says how it may be entered; and what is gone, unless it went with a directory.
 */
export const changesSince = (
  base: Base | undefined,
  found: readonly Found[],
  isUnchanged: (entry: Found) => boolean,
  { present = kindsOf(found), alsoGone = [] }: Surroundings = {},
): Changes => {
  const kept: LayeredEntry[] = [];
  const changed: TreeEntry[] = [];
  const directories = new Map<string, Extract<Found, { kind: 'dir' }>>();
  for (const entry of found) {
    if (entry.kind === 'dir') directories.set(entry.path, entry);
    const before = base?.entries.get(entry.path);
    if (before && isSame(before, entry) && isUnchanged(entry)) kept.push(before);
    else changed.push(entry);
  }
  const gone = missingFrom([...(base?.entries.keys() ?? []), ...alsoGone], present).map((path): TreeEntry => ({
    kind: 'gone',
    path,
  }));
  const named = new Set(changed.map(({ path }) => path));
  const above = directoriesAbove([...changed, ...gone]).flatMap((path) => {
    const directory = named.has(path) ? undefined : directories.get(path);
    return directory ? [directory] : [];
  });
  return { layer: [...above, ...changed, ...gone], kept };
};

const isSame = (before: LayeredEntry, entry: Found): boolean => {
  if (before.kind === 'link') return entry.kind === 'link' && entry.target === before.target;
  if (before.kind === 'dir') return entry.kind === 'dir' && entry.mode === before.mode;
  return entry.kind === 'file' && entry.mode === before.mode && entry.size === before.size;
};

/** Which of these paths are not there any more, without those that went with what they lay in. */
const missingFrom = (expected: Iterable<string>, present: Kinds): string[] => {
  const missing = new Set([...expected].filter((path) => !present.has(path)));
  // What lay in a directory that is a file now is hidden by that file.
  const wentWith = (above: string): boolean => missing.has(above) || (present.get(above) ?? 'dir') !== 'dir';
  return [...missing].filter((path) => !wentWith(directoryOf(path)));
};

export const directoryOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));

export const directoriesAbove = (entries: readonly { path: string }[]): string[] => {
  const above = new Set<string>();
  for (const { path } of entries)
    for (
      let directory = directoryOf(path);
      directory !== '' && !above.has(directory);
      directory = directoryOf(directory)
    )
      above.add(directory);
  return [...above];
};

/** The entries of a tree with a new layer upon its base, once its files are packed. */
export const entriesWith = ({ layer, kept }: Changes, packed: readonly PackedFile[], index: number): LayeredEntry[] => {
  const contents = new Map(packed.map((file) => [file.path, file]));
  const isKept = new Set(kept.map(({ path }) => path));
  const added = layer.flatMap((entry): LayeredEntry[] => {
    if (entry.kind === 'gone' || isKept.has(entry.path)) return [];
    const { kind, path, mtime } = entry;
    if (kind === 'link') return [{ kind, path, target: entry.target, mtime }];
    if (kind === 'dir') return [{ kind, path, mode: entry.mode, mtime }];
    const { size, digest, start, blocks, end } = contents.get(path)!;
    const place = { layer: index, start, blocks: [...blocks], ...(end && { end }) };
    return [{ kind, path, mode: entry.mode, mtime, size, digest, ...place }];
  });
  // Whatever is made of them is sorted: what is so already takes no time.
  return byPath([...kept, ...added]);
};
