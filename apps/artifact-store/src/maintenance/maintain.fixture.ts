import {
  attemptIdOf,
  attemptStream,
  CacheCommitted,
  CacheRestored,
  cacheStream,
  JobAssigned,
  JobQueued,
  JobSucceeded,
  LogSealed,
  logStream,
  PipelineStarted,
  pipelineStream,
  SnapshotTaken,
} from '@foldline/contracts';
import { planOf, plannedJob, sampleContext } from '@foldline/testing';
import { happened, logs, objects, sha256, stored } from '../artifact-store.fixture.ts';

export const kept = async (digest: string): Promise<boolean> => (await objects.stat(digest)) !== undefined;
export const layer = async (text: string) => {
  const { digest, bytes } = await objects.put(Buffer.from(text));
  return { digest, bytes, content: bytes };
};
export type Layer = Awaited<ReturnType<typeof layer>>;
/** A cache that a job has saved, as layers. */
export const saved = async (id: string, ...layers: Layer[]): Promise<string> => {
  const { digest: manifestDigest } = await objects.put(
    Buffer.from(`manifest of ${layers.map((l) => l.digest).join()}`),
  );
  const about = {
    cacheId: id,
    pipelineId: 'p0',
    projectId: 'pr1',
    jobId: 'p0.0',
    scope: 'protected',
    key: id,
  } as const;
  await happened(cacheStream(id), CacheCommitted({ ...about, manifestDigest, layers, files: 1, bytes: 1 }));
  return manifestDigest;
};
const because = { rule: 'spec', detail: 'it is so', jobs: [] };
export const about = (pipelineId: string) => ({ pipelineId, jobId: `${pipelineId}.0`, attempt: 1 });
/** A job that was given to a runner. */
export const began = async (pipelineId: string, submitted = false): Promise<void> => {
  const decisions = submitted ? [{ definition: 'job', created: true, rule: 'submitted', because: 'so' }] : [];
  const plan = { ...planOf(plannedJob(0, 'job')), decisions };
  const given = { runnerId: 'r1', cluster: { id: 'r1', power: 'low-power' }, job: plannedJob(0, 'job') };
  const rest = { context: sampleContext, pipelineVariables: {}, artifactJobs: [], because };
  await happened(
    pipelineStream(pipelineId),
    PipelineStarted({ pipelineId, context: { ...sampleContext, pipelineId }, plan }),
    JobQueued({ ...about(pipelineId), priority: 5, because }),
    JobAssigned({ ...about(pipelineId), ...given, ...rest }),
  );
};
export const ended = (pipelineId: string): Promise<void> =>
  happened(pipelineStream(pipelineId), JobSucceeded({ ...about(pipelineId), exitCode: 0 }));
export const restored = (pipelineId: string, cacheId: string): Promise<void> => {
  const attemptId = attemptIdOf(`${pipelineId}.0`, 1);
  const fact = { ...about(pipelineId), attemptId, key: cacheId, cacheId, result: 'hit', files: 1, bytes: 1 } as const;
  return happened(attemptStream(attemptId), CacheRestored(fact));
};
type Below = { manifestDigest: string; layers: Layer[] };
/** What an attempt has kept behind a step: what differs, in layers, and the caches that lie below. */
export const snapshotTaken = async (
  pipelineId: string,
  step: number,
  layers: Layer[],
  { attempt = 1, below = [] }: { attempt?: number; below?: Below[] } = {},
): Promise<string> => {
  const jobId = `${pipelineId}.0`;
  const attemptId = attemptIdOf(jobId, attempt);
  const { digest: manifestDigest } = await objects.put(Buffer.from(`differences behind ${attemptId}/${step}`));
  const trees = below.map((tree, index) => ({ cache: index, ...tree }));
  const what = { projectId: 'pr1', step, trees, manifestDigest, layers, files: 1, bytes: 1, durationMs: 1 };
  await happened(attemptStream(attemptId), SnapshotTaken({ attemptId, pipelineId, jobId, attempt, ...what }));
  return manifestDigest;
};
export const wrote = async (pipelineId: string, attempt: number, text: string): Promise<void> => {
  const jobId = `${pipelineId}.0`;
  const attemptId = attemptIdOf(jobId, attempt);
  const claim = { bytes: text.length, sha256: sha256(text) };
  await logs.append(attemptId, { sequence: 0, offset: 0, bytes: Buffer.from(text) });
  await logs.seal(attemptId, claim);
  await happened(logStream(attemptId), LogSealed({ attemptId, jobId, pipelineId, ...claim, complete: true }));
};
export const output = async (attemptId: string): Promise<string> => (await logs.read(attemptId, 0, 99)).toString();
const ofStore = new Set(['SnapshotPruned', 'CachePruned', 'LogPruned', 'PrunedBytesDeleted', 'MaintenanceFinished']);
export const said = async (): Promise<string[]> =>
  (await stored()).flatMap(({ type }) => (ofStore.has(type) ? type : []));
export const last = async (): Promise<unknown> => (await stored()).at(-1)?.data;
