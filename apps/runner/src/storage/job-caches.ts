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
import { derivedId } from '@foldline/kernel';
import type { JobScene } from '../execution/job-scene.ts';
import { packTree } from '../trees/pack-tree.ts';
import { unpackTree } from '../trees/unpack-tree.ts';
import { applies } from './job-artifacts.ts';
import type { JobObjects, JobReads } from './patient-stores.ts';

const PREFIX_CANDIDATES = 500;
const MAX_KEY = 512;
const MAX_KEY_FILE_BYTES = 16 * 1024 * 1024;

/** One cache of a job, from its restore to its save. */
export type JobCache = { spec: CacheSpec; key: string };

/** Restores each cache: its own key, then the fallback keys in order, of which those ending in `-` match by prefix (C15). */
export const restoreCaches = async (scene: JobScene, reads: JobReads, objects: JobObjects): Promise<JobCache[]> => {
  const caches: JobCache[] = [];
  for (const spec of scene.assignment.job.cache) {
    const cache: JobCache = { spec, key: await keyOf(spec, scene) };
    caches.push(cache);
    if (spec.policy === 'push') continue;
    const found = await find(cache, scene, reads);
    if (found) {
      await unpackTree({ manifestDigest: found.manifestDigest, into: scene.workspace, objects });
    }
    scene.record(
      CacheRestored({
        ...scene.about,
        key: cache.key,
        result: found ? (found.key === cache.key ? 'hit' : 'fallback') : 'miss',
        ...(found ? { matchedKey: found.key } : {}),
        files: found?.files ?? 0,
        bytes: found?.bytes ?? 0,
      }),
    );
    scene.tell(found ? `Restored cache ${found.key}: ${found.files} files` : `No cache for ${cache.key}`);
  }
  return caches;
};

/** Saves each cache that may be pushed, unless it holds just what was restored under the same key. */
export const saveCaches = async (
  caches: readonly JobCache[],
  scene: JobScene,
  reads: JobReads,
  objects: JobObjects,
  succeeded: boolean,
): Promise<void> => {
  for (const { spec, key } of caches) {
    if (spec.policy === 'pull' || !applies(spec.when, succeeded)) continue;
    const paths = spec.paths.map((path) => expandVariables(path, scene.variables));
    const packed = await packTree({ root: scene.workspace, paths, exclude: [], objects });
    for (const path of packed.unmatched) scene.warn(`cache ${path}: no matching files`);
    if (packed.files === 0) continue;
    const cacheId = cacheIdOf(scene, key);
    const current = await reads.get<CacheDoc>(COLLECTION.caches, cacheId);
    if (current?.manifestDigest === packed.manifestDigest) {
      scene.tell(`Cache ${key} is unchanged`);
      continue;
    }
    const { project } = scene.assignment.context;
    scene.committing(
      cacheId,
      CacheUploaded({
        ...scene.about,
        cacheId,
        projectId: project.id,
        scope: scopeOf(scene),
        key,
        manifestDigest: packed.manifestDigest,
        files: packed.files,
        bytes: packed.bytes,
      }),
    );
    scene.tell(`Saved cache ${key}: ${packed.files} files, ${packed.bytes} bytes`);
  }
};

/** Protected refs and the others never share an entry, so that nobody can poison what a protected job restores. */
const scopeOf = (scene: JobScene): 'protected' | 'unprotected' =>
  scene.assignment.context.ref.protected ? 'protected' : 'unprotected';

const cacheIdOf = (scene: JobScene, key: string): string =>
  derivedId('cache', scene.assignment.context.project.id, scopeOf(scene), key);

const find = async ({ spec, key }: JobCache, scene: JobScene, reads: JobReads): Promise<CacheDoc | undefined> => {
  const exact = await reads.get<CacheDoc>(COLLECTION.caches, cacheIdOf(scene, key));
  if (exact) return exact;
  for (const fallback of spec.fallbackKeys.map((text) => expandKey(text, scene))) {
    const entry = await reads.get<CacheDoc>(COLLECTION.caches, cacheIdOf(scene, fallback));
    const found =
      entry ??
      (fallback.endsWith('-') && !spec.exactFallbackKeys ? await newestWithPrefix(fallback, scene, reads) : undefined);
    if (found) return found;
  }
  return undefined;
};

const newestWithPrefix = async (prefix: string, scene: JobScene, reads: JobReads): Promise<CacheDoc | undefined> => {
  const { items } = await reads.query<CacheDoc>(COLLECTION.caches, {
    index: 'byKey',
    prefix: cacheIndexKey(scene.assignment.context.project.id, scopeOf(scene), prefix),
    limit: PREFIX_CANDIDATES,
  });
  return items.toSorted((a, b) => (a.committedAt < b.committedAt ? 1 : -1))[0];
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
