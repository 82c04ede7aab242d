import { attemptIdOf, cacheStream, logStream, type CacheDoc, type JobDoc, type PruneReason } from '@foldline/contracts';
import { derivedId, type Cause, type Commands, type Due } from '@foldline/kernel';
import { cacheDecider } from '../cache/cache.decider.ts';
import { logDecider } from '../log/log.decider.ts';

/** Ends what is due, on record; its bytes go later. Answers whether it still was to be ended. */
export const prune = (commands: Commands, due: Due): Promise<boolean> =>
  due.kind === 'cache' ? pruneCache(commands, due.cache, due.because) : pruneLogs(commands, due.job, due.because);

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
