import { AttemptResumed, COLLECTION, SnapshotTaken, snapshotIndexPrefix, type SnapshotDoc } from '@foldline/contracts';
import { PermanentError, type Clock } from '@foldline/kernel';
import type { JobScene } from '../execution/job-scene.ts';
import type { LayeredTree } from '../layers/mounted-layers.ts';
import type { JobCache } from './job-caches.ts';
import type { JobObjects, JobReads } from './patient-stores.ts';

/** A job has at most a hundred steps, and few attempts. */
const CANDIDATES = 1000;

/** Whether snapshots of the job are of use: where a step goes on from what another has made of the workspace. */
export const takesSnapshots = ({ assignment }: JobScene): boolean =>
  assignment.job.steps.filter(({ kind }) => kind === 'run').length > 1;

/** What the attempt goes on from: of the newest earlier attempt that has kept anything, the last step that may count. */
export const snapshotFor = async (scene: JobScene, reads: JobReads): Promise<SnapshotDoc | undefined> => {
  const { resume, jobId, attempt } = scene.assignment;
  if (!resume || !takesSnapshots(scene)) return undefined;
  const { items } = await reads.query<SnapshotDoc>(COLLECTION.snapshots, {
    index: 'byJob',
    prefix: snapshotIndexPrefix(jobId),
    limit: CANDIDATES,
  });
  const found = items.findLast((each) => each.attempt < attempt && each.step < (resume.before ?? Infinity));
  if (resume.before !== undefined && (found?.step ?? -1) < resume.before - 1) tellOfMissing(resume.before, scene);
  return found;
};

const tellOfMissing = (before: number, { assignment, warn }: JobScene): void => {
  const [missing, first] = assignment.job.steps.slice(before - 1).map(({ name }) => `"${name}"`);
  if (missing && first) warn(`of the step ${missing} nothing was kept, so steps before ${first} are carried out again`);
};

/** Restores the state behind a step, the caches as they were then below it. Answers whether it was there. */
export const resumeFrom = async (
  snapshot: SnapshotDoc,
  caches: JobCache[],
  scene: JobScene,
  objects: JobObjects,
): Promise<boolean> => {
  const { trees, manifestDigest, layers, attempt, step, prunedAt } = snapshot;
  const different: LayeredTree | undefined =
    manifestDigest !== undefined && layers ? { manifestDigest, layers } : undefined;
  try {
    if (prunedAt !== undefined) throw new PermanentError(`it was pruned at ${prunedAt}`);
    await scene.layers.restore(trees, objects, different ? { different } : {});
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    scene.warn(`what attempt ${attempt} had kept is not there any more (${error.message}); all steps are carried out`);
    return false;
  }
  for (const { cache, ...tree } of trees) if (caches[cache]) caches[cache].restored = tree;
  scene.record(AttemptResumed({ ...scene.about, from: attempt, step }));
  const { name } = scene.assignment.job.steps[step]!;
  scene.tell(`Going on behind the step "${name}" of attempt ${attempt}`);
  return true;
};

/** Keeps what the steps up to this one have made of the workspace. What could not be kept fails no job. */
export const takeSnapshot = async (
  step: number,
  caches: readonly JobCache[],
  scene: JobScene,
  { objects, clock }: { objects: JobObjects; clock: Clock },
): Promise<void> => {
  const began = clock.monotonic();
  const trees = caches.flatMap(({ restored }, cache) =>
    restored ? [{ cache, manifestDigest: restored.manifestDigest, layers: [...restored.layers] }] : [],
  );
  const kept = await scene.layers.differences(objects);
  const { files = 0, bytes = 0 } = kept ?? {};
  const { manifestDigest, contentDigest, layers } = kept ?? {};
  scene.record(
    SnapshotTaken({
      ...scene.about,
      projectId: scene.assignment.context.project.id,
      step,
      trees,
      ...(manifestDigest !== undefined && { manifestDigest, contentDigest, layers }),
      files,
      bytes,
      durationMs: Math.round(clock.monotonic() - began),
    }),
  );
};
