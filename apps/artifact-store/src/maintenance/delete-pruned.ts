import type { PruningDoc } from '@foldline/contracts';
import { prunedAndUnseen, type LogStore } from '@foldline/kernel';
import { showAll, type ExpiryPorts } from '../expiry/expire-artifacts.ts';
import { bytesOnlyOf, treesOf } from '../expiry/expired-bytes.ts';

/** What goes at once: each of these batches costs a look at everything that is kept. */
const BATCH = 200;
/** A job may have been told by read models that were behind for a moment, and not have said so yet. */
const FRESH_MS = 5 * 60_000;

export type DeletionPorts = ExpiryPorts & { logStore: LogStore };
export type Deleted = { pruned: string[]; digests: string[]; bytes: number };

/**
 * Deletes the bytes of what was pruned, now or before a crash, and has each batch recorded. Answers the bytes that are
 * gone, and those that wait for jobs to end. What was pruned behind the position, or a few
 * minutes ago, is fresh (see `prunedAndUnseen`).
 *
 * The bytes go before the record: a crash between the two leaves what was pruned to the next pass, which finds less to
 * delete.
 */
export const deletePruned = (
  ports: DeletionPorts,
  startedAt: number,
  record: (deleted: Deleted) => Promise<unknown>,
): Promise<{ bytes: number; waitingBytes: number }> =>
  ports.gate.deleting(async () => {
    if (!(await showAll(ports))) {
      ports.logger.warn({}, 'nothing that was pruned is deleted now: the read models are behind');
      return { bytes: 0, waitingBytes: 0 };
    }
    const recently = new Date(Date.parse(ports.clock.now()) - FRESH_MS).toISOString();
    const isFresh = ({ position, prunedAt }: PruningDoc): boolean => position > startedAt || prunedAt > recently;
    const { unseen, waitingBytes } = await prunedAndUnseen(ports.readStore, isFresh);
    let bytes = 0;
    for (let start = 0; start < unseen.length; start += BATCH) {
      const deleted = await deleteBatch(ports, unseen.slice(start, start + BATCH));
      if (deleted.pruned.length === 0) continue;
      await record(deleted);
      bytes += deleted.bytes;
    }
    return { bytes, waitingBytes };
  });

const deleteBatch = async (ports: DeletionPorts, batch: readonly PruningDoc[]): Promise<Deleted> => {
  const logs = batch.filter((pruning) => pruning.kind === 'log');
  for (const { attemptId } of logs) await ports.logStore.delete(attemptId);
  const deleted: Deleted = { pruned: logs.map(({ id }) => id), digests: [], bytes: total(logs) };
  const withTrees = batch.filter((pruning) => pruning.kind !== 'log');
  const going = new Set(withTrees.map(({ id }) => id));
  const unused = await bytesOnlyOf(withTrees.flatMap(treesOf), going, ports.readStore, ports.objectStore);
  if (!unused) {
    ports.logger.warn(
      { pruned: going.size },
      'the bytes of what was pruned stay: a manifest that is in use is damaged',
    );
    return deleted;
  }
  for (const digest of unused) {
    const object = await ports.objectStore.stat(digest);
    if (!object) continue;
    await ports.objectStore.delete(digest);
    deleted.digests.push(digest);
    deleted.bytes += object.bytes;
  }
  deleted.pruned.push(...going);
  return deleted;
};

const total = (prunings: readonly PruningDoc[]): number => prunings.reduce((sum, { bytes }) => sum + bytes, 0);
