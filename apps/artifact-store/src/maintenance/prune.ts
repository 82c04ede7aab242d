import {
  attemptIdOf,
  cacheStream,
  logStream,
  snapshotStream,
  type CacheDoc,
  type JobDoc,
  type PruneReason,
} from '@foldline/contracts';
import { derivedId, type Cause, type Commands, type Due } from '@foldline/kernel';
import { cacheDecider } from '../cache/cache.decider.ts';
import { logDecider } from '../log/log.decider.ts';
import { snapshotDecider } from '../snapshot/snapshot.decider.ts';

/** Ends what is due, on record; its bytes go later. Answers whether it still was to be ended. */
export const prune = (commands: Commands, due: Due): Promise<boolean> => {
  if (due.kind === 'cache') return pruneCache(commands, due.cache, due.because);
  return due.kind === 'log' ? pruneLogs(commands, due.job, due.because) : pruneSnapshot(commands, due);
};

const pruneSnapshot = async (
  commands: Commands,
  { snapshot, bytes, because }: Due & { kind: 'snapshot' },
): Promise<boolean> => {
  const { pipelineId, projectId, jobId, attempt, step, trees, manifestDigest, layers } = snapshot;
  const attemptId = attemptIdOf(jobId, attempt);
  const named = { trees, ...(manifestDigest !== undefined && { manifestDigest }), ...(layers && { layers }) };
  const about = { attemptId, pipelineId, projectId, jobId, attempt, step };
  const cause = { ...bySystem('prune-snapshot', snapshot.id), correlationId: pipelineId };
  const command = { type: 'PruneSnapshot', ...about, ...named, bytes, because } as const;
  return (await commands.handle(snapshotStream(attemptId, step), snapshotDecider, command, cause)).events.length > 0;
};

const pruneCache = async (
  commands: Commands,
  { id, manifestDigest, committedAt }: CacheDoc,
  because: PruneReason,
): Promise<boolean> => {
  // The same tree may be saved, pruned and saved again.
  const cause = bySystem('prune-cache', id, manifestDigest, committedAt);
  const command = { type: 'PruneCache', manifestDigest, because } as const;
  return (await commands.handle(cacheStream(id), cacheDecider, command, cause)).events.length > 0;
};

/** The earlier attempts first: once the last one is pruned, the job is not looked at any more. */
const pruneLogs = async (
  commands: Commands,
  { id, pipelineId, log, logPruned }: JobDoc,
  because: PruneReason,
): Promise<boolean> => {
  let pruned = 0;
  for (let attempt = (logPruned?.attempt ?? 0) + 1; attempt <= log!.attempt; attempt += 1) {
    const attemptId = attemptIdOf(id, attempt);
    const cause = { ...bySystem('prune-log', attemptId), correlationId: pipelineId };
    const command = { type: 'PruneLog', because } as const;
    pruned += (await commands.handle(logStream(attemptId), logDecider, command, cause)).events.length;
  }
  return pruned > 0;
};

const bySystem = (...names: string[]): Cause => ({
  id: derivedId(...names),
  actor: { kind: 'system', id: 'artifact-store' },
});
