import { maintenanceStream, type MaintenanceFinished } from '@foldline/contracts';
import {
  derivedId,
  missingOnDisk,
  nextPass,
  TransientError,
  type Cause,
  type PassFacts,
  type RetentionRules,
} from '@foldline/kernel';
import { showAll } from '../expiry/expire-artifacts.ts';
import { deletePruned, type DeletionPorts } from './delete-pruned.ts';
import { passDecider } from './pass.decider.ts';
import { prune } from './prune.ts';

export type PassPorts = DeletionPorts & { rules: RetentionRules };
export type PassResult = ReturnType<typeof MaintenanceFinished>['data'];
export type Pass = { id: string; cause: Cause } & Pick<PassResult, 'trigger' | 'disk'>;

/**
 * One look at everything that is kept: what is over by the rules is pruned, on record, and then what nobody can be at any
 * more is deleted. Each part may be done twice or by two processes. Throws `TransientError` while the read models are
 * behind: what they do not show yet would look unused.
 */
export const runPass = async (ports: PassPorts, pass: Pass): Promise<PassResult> => {
  const { commands, eventStore, clock, rules, readStore } = ports;
  const { id, cause, trigger, disk } = pass;
  const stream = maintenanceStream(id);
  if (!(await showAll(ports))) throw new TransientError('nothing is pruned now: the read models are behind');
  const startedAt = await eventStore.lastPosition();
  const facts: PassFacts = { rules, now: clock.now() };
  if (disk) facts.missingBytes = await missingOnDisk(disk, readStore);
  const pruned = { cache: 0, log: 0, snapshot: 0 };
  for await (const due of nextPass(readStore, facts)) if (await prune(commands, due)) pruned[due.kind] += 1;
  const { bytes, waitingBytes } = await deletePruned(ports, startedAt, (deleted) => {
    const ofBatch = { ...cause, id: `${cause.id}:${derivedId('deletion', ...deleted.pruned)}` };
    return commands.handle(stream, passDecider, { type: 'RecordDeletion', ...deleted }, ofBatch);
  });
  const counts = { caches: pruned.cache, logs: pruned.log, snapshots: pruned.snapshot };
  const result = { trigger, ...counts, bytes, waitingBytes };
  return disk ? { ...result, disk } : result;
};

/** The end of a pass, on record: once, however often it is told. */
export const finishPass = async ({ commands }: PassPorts, { id, cause }: Pass, result: PassResult): Promise<void> => {
  await commands.handle(maintenanceStream(id), passDecider, { type: 'FinishPass', ...result }, cause);
};
