import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  JobAssigned,
  JobRetried,
  JobSucceeded,
  pipelineStream,
  SnapshotPruned,
  snapshotStream,
} from '@foldline/contracts';
import { plannedJob, sampleContext } from '@foldline/testing';
import {
  artifact,
  awaited,
  closeStore,
  DAY,
  happened,
  lookAfter,
  MINUTE,
  openStore,
  reads,
  restart,
  stored,
  tree,
} from '../artifact-store.fixture.ts';
import { about, began, ended, kept, last, layer, said, saved, snapshotTaken, type Layer } from './maintain.fixture.ts';

const HOUR = 60 * MINUTE;
const areKept = (...digests: string[]): Promise<boolean[]> => Promise.all(digests.map(kept));
const prunedEvents = async (): Promise<unknown[]> =>
  (await stored()).filter(({ type }) => type === 'SnapshotPruned').map(({ data }) => data);
/** A job that has ended, with what was kept behind its first step. */
const endedWith = async (pipelineId: string, ...layers: Layer[]): Promise<string> => {
  await began(pipelineId, true);
  const manifest = await snapshotTaken(pipelineId, 0, layers);
  await ended(pipelineId);
  return manifest;
};
/** A further attempt, which goes on from what was kept. */
const retried = (pipelineId: string, attempt: number): Promise<void> => {
  const because = { rule: 'spec', detail: 'it is so', jobs: [] };
  const given = { runnerId: 'r1', cluster: { id: 'r1', power: 'low-power' }, job: plannedJob(0, 'job') };
  const rest = { context: sampleContext, pipelineVariables: {}, artifactJobs: [], because, resume: {} };
  return happened(
    pipelineStream(pipelineId),
    JobRetried({ pipelineId, jobId: `${pipelineId}.0`, attempt, by: 'user' }),
    JobAssigned({ ...about(pipelineId), attempt, ...given, ...rest }),
  );
};

afterEach(closeStore);

describe('What the steps of a job have made', () => {
  beforeEach(() => openStore());

  it('goes when it was kept 7 days ago, on record before its bytes (A08, S1-40, S1-41)', async () => {
    const made = await layer('made');
    const manifestDigest = await endedWith('p1', made);
    await lookAfter(7 * DAY - 1);
    expect(await areKept(made.digest, manifestDigest)).toEqual([true, true]);
    await lookAfter(HOUR);
    expect(await said()).toEqual(['SnapshotPruned', 'PrunedBytesDeleted', 'MaintenanceFinished']);
    expect(await areKept(made.digest, manifestDigest)).toEqual([false, false]);
    const because = { rule: 'age', detail: 'it was taken more than 7 days ago' };
    const what = { attemptId: 'p1.0.1', jobId: 'p1.0', step: 0, manifestDigest, layers: [made], bytes: made.bytes };
    expect(await prunedEvents()).toEqual([expect.objectContaining({ ...what, because })]);
    expect(await last()).toMatchObject({ trigger: 'hourly', snapshots: 1, caches: 0, logs: 0 });
  });

  it('is told once, and its document says when', async () => {
    await endedWith('p1', await layer('made'));
    await lookAfter(7 * DAY);
    await lookAfter(HOUR);
    await restart();
    await lookAfter(HOUR);
    expect(await said()).toEqual(['SnapshotPruned', 'PrunedBytesDeleted', 'MaintenanceFinished']);
    expect(await reads.get('snapshots', 'p1.0.1/0')).toMatchObject({ prunedAt: expect.any(String) });
  });

  it('leaves the bytes that a later state, a cache or an artifact shares', async () => {
    const [first, inCache, inArtifact] = await Promise.all(['first', 'in a cache', 'in an artifact'].map(layer));
    await endedWith('p1', first!, inCache!, inArtifact!);
    await lookAfter(6 * DAY);
    await began('p2', true);
    await snapshotTaken('p2', 0, [first!]);
    await ended('p2');
    await saved('c1', inCache!);
    await awaited(artifact(await tree('in an artifact'), 'a1'));
    await lookAfter(DAY);
    expect(await said()).toContain('SnapshotPruned');
    expect(await areKept(first!.digest, inCache!.digest, inArtifact!.digest)).toEqual([true, true, true]);
    await lookAfter(6 * DAY);
    expect(await areKept(first!.digest, inCache!.digest, inArtifact!.digest)).toEqual([false, true, true]);
  });

  it('takes with it the caches that only it has held', async () => {
    const [below, made] = await Promise.all(['below', 'made'].map(layer));
    const manifestDigest = await saved('c1', below!);
    await began('p1');
    await snapshotTaken('p1', 0, [made!], { below: [{ manifestDigest, layers: [below!] }] });
    await ended('p1');
    await saved('c1', await layer('saved anew'));
    await lookAfter(DAY);
    expect(await areKept(below!.digest, manifestDigest)).toEqual([true, true]);
    await lookAfter(7 * DAY);
    expect(await areKept(below!.digest, manifestDigest, made!.digest)).toEqual([false, false, false]);
  });

  it('stays while its job has not ended, however old it is', async () => {
    const made = await layer('made');
    await began('p1', true);
    await snapshotTaken('p1', 0, [made]);
    await lookAfter(30 * DAY);
    expect(await said()).toEqual([]);
    await ended('p1');
    await lookAfter(HOUR);
    expect(await kept(made.digest)).toBe(false);
  });

  it('keeps its bytes until jobs have ended that may have looked it up', async () => {
    const made = await layer('made');
    await endedWith('p1', made);
    await lookAfter(6 * DAY);
    await began('p2', true);
    await lookAfter(DAY);
    await lookAfter(HOUR);
    expect(await said()).toEqual(['SnapshotPruned', 'MaintenanceFinished']);
    expect(await kept(made.digest)).toBe(true);
    await ended('p2');
    await lookAfter(HOUR);
    expect(await kept(made.digest)).toBe(false);
  });

  it('keeps its bytes for an attempt of its own job, which may have seen the older documents', async () => {
    const made = await layer('made');
    await endedWith('p1', made);
    await lookAfter(6 * DAY);
    await began('p2', true);
    await lookAfter(DAY);
    await retried('p1', 2);
    await ended('p2');
    await lookAfter(HOUR);
    expect(await kept(made.digest)).toBe(true);
    await happened(pipelineStream('p1'), JobSucceeded({ ...about('p1'), attempt: 2, exitCode: 0 }));
    await lookAfter(HOUR);
    expect(await kept(made.digest)).toBe(false);
  });

  it('goes on where a crash came between the record and the bytes', async () => {
    const made = await layer('made');
    const manifestDigest = await endedWith('p1', made);
    const of = { ...about('p1'), attemptId: 'p1.0.1', projectId: 'pr1', step: 0 };
    const named = { trees: [], manifestDigest, layers: [made], bytes: made.bytes };
    const because = { rule: 'age', detail: 'it was taken long ago' } as const;
    await happened(snapshotStream('p1.0.1', 0), SnapshotPruned({ ...of, ...named, because }));
    await restart();
    await lookAfter(HOUR);
    expect(await areKept(made.digest, manifestDigest)).toEqual([false, false]);
    await lookAfter(7 * DAY);
    expect(await said()).toEqual(['SnapshotPruned', 'PrunedBytesDeleted', 'MaintenanceFinished']);
  });
});

describe('On a short disk', () => {
  beforeEach(() => openStore({ diskReserveBytes: 2 ** 52 }));

  it('what the steps of jobs have made goes before caches do, and what is in use stays', async () => {
    await saved('c1', await layer('base'));
    await endedWith('p1', await layer('made'));
    await began('p2', true);
    await snapshotTaken('p2', 0, [await layer('of a job that runs')]);
    await lookAfter(0);
    expect((await said()).slice(0, 2)).toEqual(['SnapshotPruned', 'CachePruned']);
    expect(await prunedEvents()).toEqual([
      expect.objectContaining({ jobId: 'p1.0', because: expect.objectContaining({ rule: 'disk_reserve' }) }),
    ]);
    expect(await last()).toMatchObject({ trigger: 'disk_pressure', snapshots: 1, caches: 1 });
  });
});
