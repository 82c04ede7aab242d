import { statfs } from 'node:fs/promises';
import { COLLECTION, type PruningDoc } from '@foldline/contracts';
import { everyDocument } from '../every-document.ts';
import type { Settings } from '../ports/ports.ts';
import type { ReadStore } from '../ports/read-store.port.ts';
import { fromSystemError } from '../system-error.ts';

/** In bytes. */
export type ShortDisk = { freeBytes: number; reserveBytes: number };

/** What is free where everything lies, when that is less than is to be. Where an object store is elsewhere nobody knows. */
export const shortOfDisk = async ({
  mode,
  dataDirectory,
  retention: { diskReserveBytes },
}: Pick<Settings, 'mode' | 'dataDirectory' | 'retention'>): Promise<ShortDisk | undefined> => {
  if (mode !== 'standalone' || diskReserveBytes === 0) return undefined;
  try {
    const { bavail, bsize } = await statfs(dataDirectory);
    const freeBytes = bavail * bsize;
    return freeBytes < diskReserveBytes ? { freeBytes, reserveBytes: Math.round(diskReserveBytes) } : undefined;
  } catch (error) {
    throw fromSystemError(error, 'look how much of the disk is free');
  }
};

/** What is still to be pruned: the bytes of what was pruned before will be free once no job is at them. */
export const missingOnDisk = async (
  { freeBytes, reserveBytes }: ShortDisk,
  reads: Pick<ReadStore, 'query'>,
): Promise<number> => {
  let missing = reserveBytes - freeBytes;
  const pruned = everyDocument<PruningDoc>(reads, COLLECTION.prunings, { index: 'byPosition' });
  for await (const { bytes } of pruned) missing -= bytes;
  return Math.max(0, missing);
};
