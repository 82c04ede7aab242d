import { isDeepStrictEqual } from 'node:util';
import { MOST_LAYERS, byPath, contentOf, type LayeredEntry, type LayeredManifest } from '@foldline/contracts';
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

/**
 * What of a tree differs from its base. The layer has each changed entry and the directories above it, since the topmost
 * layer with a directory says how it may be entered; and what is gone, unless it went with a directory. `alsoGone` lies
 * below the base and is hidden. What is found as the very entry of the base is known to be what it was.
 */
export const changesSince = (
  base: Base | undefined,
  found: readonly Found[],
  isUnchanged: (entry: Found) => boolean,
  alsoGone: readonly string[] = [],
): Changes => {
  let stillThere = 0;
  const kept: LayeredEntry[] = [];
  const changed: TreeEntry[] = [];
  const directories = new Map<string, Extract<Found, { kind: 'dir' }>>();
  for (const entry of found) {
    if (entry.kind === 'dir') directories.set(entry.path, entry);
    const before = base?.entries.get(entry.path);
    if (before) stillThere += 1;
    if (before && (before === entry || (isSame(before, entry) && isUnchanged(entry)))) kept.push(before);
    else changed.push(entry);
  }
  const expected = [...(base && base.entries.size > stillThere ? base.entries.keys() : []), ...alsoGone];
  const gone = missingFrom(expected, found).map((path): TreeEntry => ({ kind: 'gone', path }));
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
const missingFrom = (expected: readonly string[], found: readonly Found[]): string[] => {
  if (expected.length === 0) return [];
  const present = new Map<string, Found['kind']>();
  for (const { path, kind } of found) present.set(path, kind);
  const missing = new Set(expected.filter((path) => !present.has(path)));
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
  // Of the directories above what has changed, some are what they were.
  const inLayer = new Set(layer.map(({ path }) => path));
  const isKept = new Set(kept.map(({ path }) => path).filter((path) => inLayer.has(path)));
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

/** Whether a tree has nothing else in it than its base, whenever that was made. */
export const holdsTheSame = (base: Base, entries: readonly LayeredEntry[]): boolean =>
  entries.length === base.entries.size &&
  entries.every((entry) => {
    const before = base.entries.get(entry.path);
    return before !== undefined && (before === entry || isDeepStrictEqual(contentOf(before), contentOf(entry)));
  });
