import { PermanentError, type ObjectStore } from '@foldline/kernel';
import { inParallel } from './progress.ts';
import type { SourceObjects } from './source.ts';

const AT_ONCE = 8;
/** Read as a whole up to here. */
const SMALL_BYTES = 8 * 1024 * 1024;

/** Copies every object that the target lacks; an object is there as a whole or not at all. Answers what was wrong. */
export const copyObjects = async (
  source: SourceObjects,
  target: ObjectStore,
  progress: (done: number) => void,
): Promise<{ objects: number; problems: string[] }> => {
  const problems: string[] = [];
  let objects = 0;
  await inParallel(source.digests(), AT_ONCE, async (digest) => {
    try {
      await copyObject(source.store, target, digest);
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      problems.push(`object ${digest}: ${error.message}`);
    }
    objects += 1;
    progress(objects);
  });
  return { objects, problems };
};

const copyObject = async (source: ObjectStore, target: ObjectStore, digest: string): Promise<void> => {
  const [here, there] = await Promise.all([source.stat(digest), target.stat(digest)]);
  if (!here || there?.bytes === here.bytes) return;
  const content = here.bytes <= SMALL_BYTES ? await source.read(digest) : await source.get(digest);
  if (!content) throw new PermanentError('it was taken away meanwhile');
  const stored = await target.put(content);
  if (stored.digest !== digest) throw new PermanentError(`it was stored as ${stored.digest}`);
};
