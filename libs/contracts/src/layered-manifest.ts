import { z } from 'zod';
import {
  TREE_LIMITS,
  byPath,
  objectDigest,
  parseAs,
  pathProblem,
  serializeManifest,
  treeMode,
  treePath,
  type TreeEntry,
} from './manifest.ts';

/** A tree of more layers is packed anew as one. */
export const MOST_LAYERS = 8;
/** Of the data of an image that are compressed together, so that this many make the largest tree. */
const MOST_BLOCKS = TREE_LIMITS.bytes / (128 * 1024);

const count = z.number().int().min(0);
/** `bytes` are those of the stored image, `content` those of the files in it. */
export const treeLayer = z.strictObject({ digest: objectDigest, bytes: count, content: count });
/** Seconds since 1970. */
const mtime = count;
const entry = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('file'),
    path: treePath,
    mode: treeMode,
    mtime,
    size: count,
    digest: objectDigest,
    /** Which of the layers has it, from the lowest; where its blocks begin, and how long each is as it is stored. */
    layer: count.max(MOST_LAYERS - 1),
    start: count,
    blocks: z.array(count).max(MOST_BLOCKS),
    /** What is left behind whole blocks lies among the ends of other files. */
    end: z.strictObject({ start: count, size: count, offset: count }).optional(),
  }),
  z.strictObject({ kind: z.literal('dir'), path: treePath, mode: treeMode, mtime }),
  z.strictObject({ kind: z.literal('link'), path: treePath, target: z.string().min(1), mtime }),
]);
const schema = z
  .strictObject({
    version: z.literal(2),
    layers: z.array(treeLayer).min(1).max(MOST_LAYERS),
    entries: z.array(entry).max(TREE_LIMITS.entries),
    /** Of differences: what is not there any more in what they are differences from. */
    gone: z.array(treePath).max(TREE_LIMITS.entries).optional(),
  })
  .refine(({ layers, entries }) => entries.every((each) => each.kind !== 'file' || each.layer < layers.length), {
    message: 'a file lies in no layer',
  });

export type TreeLayer = z.infer<typeof treeLayer>;
export type LayeredEntry = z.infer<typeof entry>;
/** A tree as images that lie upon each other (docs/adr/0025); the newest comes last. */
export type LayeredManifest = z.infer<typeof schema>;

export const serializeLayered = (
  layers: readonly TreeLayer[],
  entries: readonly LayeredEntry[],
  gone?: readonly string[],
): Buffer => Buffer.concat(layeredBytes(entries, gone)(layers));

/** The same in two parts: layers may be known last, and are the smallest of it. */
export const layeredBytes = (
  entries: readonly LayeredEntry[],
  gone?: readonly string[],
): ((layers: readonly TreeLayer[]) => [Buffer, Buffer]) => {
  const rest = { version: 2, entries: byPath(entries), ...(gone && { gone: gone.toSorted() }) };
  const most = Buffer.from(JSON.stringify(rest).slice(0, -1));
  return (layers) => [most, Buffer.from(`,"layers":${JSON.stringify(layers)}}`)];
};

/**
 * Reads a manifest that may come from anybody, as `parseManifest` does; but of an exact tree, whose links may lead
 * anywhere, as that of a virtual environment to its interpreter: nobody follows them but the jobs that get the tree.
 */
export const parseLayered = (bytes: Uint8Array): LayeredManifest => {
  const manifest = parseAs(schema, bytes, 'exact');
  for (const path of manifest.gone ?? []) {
    const problem = pathProblem(path);
    if (problem) throw new Error(`the manifest names a path that ${problem}`);
  }
  return manifest;
};

/** What a tree holds, whenever it was made and wherever its bytes lie: the same tree gives the same bytes. */
export const contentOfLayered = (entries: readonly LayeredEntry[]): Buffer =>
  serializeManifest(entries.map((each) => contentOf(each)));

/** An entry without what says when it was made and where its bytes lie. */
export const contentOf = (entry: LayeredEntry): TreeEntry => {
  const { kind, path } = entry;
  if (kind === 'link') return { kind, path, target: entry.target };
  const { mode } = entry;
  return kind === 'dir' ? { kind, path, mode } : { kind, path, mode, size: entry.size, digest: entry.digest };
};
