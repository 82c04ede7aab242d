import type { PruneReason } from '@foldline/contracts';
import type { RetentionRules } from '../ports/ports.ts';
import { DAY_MS, oldestFirst, Stock, type Going, type Kept } from './stock.ts';

/** A snapshot as retention sees it. It is in use until its job has ended, since an attempt may go on from it. */
export type KeptSnapshot = Kept & { takenAt: string };

/**
 * The snapshots that are to go, the oldest first (S1-40): whatever was taken longer ago than the rules say, then as many
 * as free `missingBytes` of the disk. None that is in use is taken, and no object counts as freed that another snapshot
 * that stays has, or that is `held` by something else.
 */
export const dueSnapshots = (
  snapshots: readonly KeptSnapshot[],
  rules: Pick<RetentionRules, 'snapshotMs' | 'diskReserveBytes'>,
  now: string,
  { held = new Set(), missingBytes = 0 }: { held?: ReadonlySet<string>; missingBytes?: number } = {},
): Going[] => {
  const stock = new Stock(snapshots, held);
  const takenBy = new Date(Date.parse(now) - rules.snapshotMs).toISOString();
  const age: PruneReason = { rule: 'age', detail: `it was taken more than ${rules.snapshotMs / DAY_MS} days ago` };
  const short: PruneReason = {
    rule: 'disk_reserve',
    detail: `${missingBytes} bytes are missing to the ${rules.diskReserveBytes} that are to be free, and others were taken later`,
  };
  const due: Going[] = [];
  let freed = 0;
  for (const snapshot of oldestFirst(snapshots, ({ takenAt }) => takenAt)) {
    const isOver = snapshot.takenAt <= takenBy;
    if (!isOver && freed >= missingBytes) break;
    const frees = stock.remove(snapshot);
    freed += frees;
    due.push({ id: snapshot.id, frees, because: isOver ? age : short });
  }
  return due;
};
