import { COLLECTION, type JobDoc, type SnapshotDoc } from '@foldline/contracts';
import { everyDocument } from '../every-document.ts';
import type { ReadStore } from '../ports/read-store.port.ts';
import type { KeptSnapshot } from './due-snapshots.ts';

type Found = { snapshot: SnapshotDoc; kept: KeptSnapshot; job: JobDoc | undefined };

/** All snapshots that were not pruned. The jobs are looked up of those alone that were taken by then: no other may go. */
export const keptSnapshots = async (
  reads: Pick<ReadStore, 'query' | 'get'>,
  { takenBy }: { takenBy: string },
): Promise<Found[]> => {
  const found = new Map<string, Found>();
  const jobs = new Map<string, JobDoc | undefined>();
  for await (const snapshot of everyDocument<SnapshotDoc>(reads, COLLECTION.snapshots, { index: 'byAge' })) {
    const { id, projectId, jobId, takenAt } = snapshot;
    if (takenAt <= takenBy && !jobs.has(jobId)) jobs.set(jobId, await reads.get<JobDoc>(COLLECTION.jobs, jobId));
    const job = jobs.get(jobId);
    const inUse = job !== undefined && job.finishedAt === undefined;
    found.set(id, { snapshot, job, kept: { id, projectId, takenAt, inUse, objects: layersOf(snapshot) } });
  }
  return [...found.values()];
};

/** What was different, and the caches below it. */
const layersOf = ({ trees, layers = [] }: SnapshotDoc): KeptSnapshot['objects'] => [
  ...trees.flatMap((tree) => tree.layers),
  ...layers,
];
