import { createHash } from 'node:crypto';
import { lstat, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import {
  beginning,
  COLLECTION,
  CacheRestored,
  CacheUploaded,
  cacheIndexKey,
  expandVariables,
  type CacheDoc,
  type CacheSpec,
} from '@foldline/contracts';
import { derivedId, TransientError } from '@foldline/kernel';
import type { JobScene } from '../execution/job-scene.ts';
import type { LayeredTree } from '../layers/mounted-layers.ts';
import type { Watched } from '../layers/workspace-layers.ts';
import { applies } from './job-artifacts.ts';
import type { JobObjects, JobReads } from './patient-stores.ts';

const PREFIX_CANDIDATES = 500;
const MAX_KEY = 512;
const MAX_KEY_FILE_BYTES = 16 * 1024 * 1024;

/** One cache of a job, from its restore to its save; `fits` is what its keys begin with. */
export type JobCache = { spec: CacheSpec; fits: string; key: string; restored?: LayeredTree };
type LayeredCache = CacheDoc & LayeredTree;
export type FoundCache = JobCache & { found?: LayeredCache };

/** Which tree each cache would restore: its own key, then the fallback keys in order, of which those ending in `-` match by prefix (C15). */
export const findCaches = async (scene: JobScene, reads: JobReads): Promise<FoundCache[]> => {
  const caches: FoundCache[] = [];
  for (const spec of scene.assignment.job.cache) {
    const fits = spec.tool ? `${scene.hide(await scene.platformOf(spec.tool))}-` : '';
    const cache = { spec, fits, key: fits + (await keyOf(spec, scene)) };
    const found = spec.policy === 'push' ? undefined : await find(cache, scene, reads);
    caches.push(found ? { ...cache, found, restored: found } : cache);
  }
  return caches;
};

/** Restores what was found; `watched` says that the workspace's changes will be asked for. */
export const restoreCaches = async (
  caches: readonly FoundCache[],
  scene: JobScene,
  objects: JobObjects,
  watched?: Watched,
): Promise<void> => {
  await scene.layers.restore(
    caches.flatMap(({ restored }) => restored ?? []),
    objects,
    watched,
  );
  for (const { spec, key, found } of caches) if (spec.policy !== 'push') tellRestored(key, found, scene);
};

const tellRestored = (key: string, found: CacheDoc | undefined, scene: JobScene): void => {
  scene.record(
    CacheRestored({
      ...scene.about,
      key,
      result: found ? (found.key === key ? 'hit' : 'fallback') : 'miss',
      ...(found ? { matchedKey: found.key, cacheId: found.id } : {}),
      files: found?.files ?? 0,
      bytes: found?.bytes ?? 0,
    }),
  );
  scene.tell(found ? `Restored cache ${found.key}: ${found.files} files` : `No cache for ${key}`);
};

/**
 * Saves each cache that may be pushed, unless it holds just what was restored under the same key. What cannot be saved
 * fails no job; only for stores that do not answer the job waits, and fails in the end as it would for its artifacts.
 */
export const saveCaches = async (
  caches: readonly JobCache[],
  scene: JobScene,
  reads: JobReads,
  objects: JobObjects,
  succeeded: boolean,
): Promise<void> => {
  for (const cache of caches) {
    if (cache.spec.policy === 'pull' || !applies(cache.spec.when, succeeded)) continue;
    try {
      await saveCache(cache, scene, reads, objects);
    } catch (error) {
      if (error instanceof TransientError) throw error;
      scene.warn(`cache ${cache.key} was not saved: ${(error as Error).message}`);
    }
  }
};

const saveCache = async (
  { spec, key, restored }: JobCache,
  scene: JobScene,
  reads: JobReads,
  objects: JobObjects,
): Promise<void> => {
  const paths = spec.paths.map((path) => expandVariables(path, scene.variables));
  const saved = await scene.layers.save(paths, restored, objects);
  if (!spec.tool) for (const path of saved.unmatched) scene.warn(`cache ${path}: no matching files`);
  for (const note of saved.skipped) scene.warn(note);
  const { manifestDigest, contentDigest, layers, files, bytes } = saved;
  if (files === 0) return;
  const cacheId = cacheIdOf(scene, key);
  const current = await reads.get<CacheDoc>(COLLECTION.caches, cacheId);
  if (current?.contentDigest === contentDigest) return scene.tell(`Cache ${key} is unchanged`);
  const { project } = scene.assignment.context;
  const scope = scopeOf(scene);
  const tree = { manifestDigest, contentDigest, layers, files, bytes };
  scene.committing(cacheId, CacheUploaded({ ...scene.about, cacheId, projectId: project.id, scope, key, ...tree }));
  scene.tell(`Saved cache ${key}: ${files} files, ${bytes} bytes`);
};

type Scope = 'protected' | 'unprotected';

/** Protected refs and the others never save the same entry, so that nobody can poison what a protected job restores. */
const scopeOf = (scene: JobScene): Scope => (scene.assignment.context.ref.protected ? 'protected' : 'unprotected');

/**
 * What a package manager has left is the same for whoever has the lockfile, so a branch begins with what protected ones
 * have. What else they keep may be their secret.
 */
const readableBy = ({ spec }: JobCache, scene: JobScene): Scope[] =>
  spec.tool && scopeOf(scene) === 'unprotected' ? ['unprotected', 'protected'] : [scopeOf(scene)];

const cacheIdOf = (scene: JobScene, key: string, scope = scopeOf(scene)): string =>
  derivedId('cache', scene.assignment.context.project.id, scope, key);

const find = async (cache: JobCache, scene: JobScene, reads: JobReads): Promise<LayeredCache | undefined> => {
  const { spec, fits, key } = cache;
  const fallbacks = spec.fallbackKeys.map((text) => fits + expandKey(text, scene));
  for (const [at, wanted] of [key, ...fallbacks].entries()) {
    const isPrefix = at > 0 && wanted.endsWith('-') && !spec.exactFallbackKeys;
    for (const scope of readableBy(cache, scene)) {
      const found =
        (await entryOf(wanted, { scope, scene, reads })) ??
        (isPrefix ? await newestWithPrefix(wanted, { scope, scene, reads }) : undefined);
      if (found) return found;
    }
  }
  return undefined;
};

type Shelf = { scope: Scope; scene: JobScene; reads: JobReads };

const entryOf = async (key: string, { scope, scene, reads }: Shelf): Promise<LayeredCache | undefined> => {
  const entry = await reads.get<CacheDoc>(COLLECTION.caches, cacheIdOf(scene, key, scope));
  return entry && isLayered(entry) ? entry : undefined;
};

/** Early releases kept an object for each file: such an entry is found no more, and replaced by the next save. */
const isLayered = (entry: CacheDoc): entry is LayeredCache => entry.layers !== undefined;

const newestWithPrefix = async (prefix: string, { scope, scene, reads }: Shelf): Promise<LayeredCache | undefined> => {
  const { items } = await reads.query<CacheDoc>(COLLECTION.caches, {
    index: 'byKey',
    prefix: cacheIndexKey(scene.assignment.context.project.id, scope, prefix),
    limit: PREFIX_CANDIDATES,
  });
  return items.filter(isLayered).toSorted((a, b) => (a.committedAt < b.committedAt ? 1 : -1))[0];
};

const expandKey = (text: string, { variables, hide }: JobScene): string =>
  beginning(hide(expandVariables(text, variables)), MAX_KEY);

/** The key with its variables; for `key: files` a hash of those files, which is the same wherever the content is (S0-39). */
const keyOf = async ({ key }: CacheSpec, scene: JobScene): Promise<string> => {
  if ('text' in key) return expandKey(key.text, scene) || 'default';
  const hash = createHash('sha256');
  for (const file of key.files.toSorted()) {
    const content = await readKeyFile(scene.workspace, expandVariables(file, scene.variables));
    hash.update(`${file}\0${content ? content.length : 'absent'}\0`);
    if (content) hash.update(content);
    else scene.warn(`cache key file ${file} does not exist`);
  }
  const digest = hash.digest('hex').slice(0, 40);
  return key.prefix ? `${expandKey(key.prefix, scene)}-${digest}` : digest;
};

/** A file of the workspace; nothing outside, not even through a link. */
const readKeyFile = async (workspace: string, file: string): Promise<Buffer | undefined> => {
  const [root, path] = await Promise.all([realpath(workspace), realpathIn(workspace, file)]);
  if (!path?.startsWith(`${root}/`)) return undefined;
  const entry = await lstat(path);
  return entry.isFile() && entry.size <= MAX_KEY_FILE_BYTES ? readFile(path) : undefined;
};

const realpathIn = (workspace: string, file: string): Promise<string | undefined> =>
  file.includes('\0') ? Promise.resolve(undefined) : realpath(join(workspace, file)).catch(() => undefined);
