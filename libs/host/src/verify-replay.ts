import { join } from 'node:path';
import { openEventLogForReading } from '@foldline/event-store-embedded';
import { withLargePayloads, type Projection } from '@foldline/kernel';
import { openFileObjectStore } from '@foldline/object-store-files';
import { openReadStoreSnapshot } from '@foldline/read-store-embedded';
import { compareReadModels, type Comparison } from './compare-read-models.ts';

export type ReplayReport = Comparison & { events: number; streams: number };

/**
 * Checks the hash chain of every stream, rebuilds every read model from the log in a directory of its own and compares
 * it with the live one, document by document and byte for byte, and so are the indexes, at the position that the live one
 * has reached. Throws when the live one is of other projections than `name` says.
 * Changes nothing and reaches nothing outside the data directory; the server may be running meanwhile.
 */
export const verifyReplay = async (
  dataDirectory: string,
  projections: readonly Projection[],
  name: string,
): Promise<ReplayReport> => {
  const log = openEventLogForReading({ directory: join(dataDirectory, 'events') });
  const live = openReadStoreSnapshot({ directory: join(dataDirectory, 'read-models') });
  try {
    const verified = await log.verify();
    const payloads = await openFileObjectStore({ directory: join(dataDirectory, 'payloads') });
    const compared = await compareReadModels(withLargePayloads(log, payloads), live, projections, name);
    return { ...verified, ...compared };
  } finally {
    await Promise.all([live.close(), log.close()]);
  }
};
