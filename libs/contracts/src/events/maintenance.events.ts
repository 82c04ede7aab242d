import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { count, digest, text } from './shared.schemas.ts';

/** An administrator wants what is over to go now, and not within the hour. */
export const MaintenanceRequested = defineEvent('MaintenanceRequested', 1, z.object({}));

/**
 * The bytes of what was pruned are gone. `pruned` has its ids (see `PruningDoc`), `digests` the objects that nothing else
 * named; those that are not among them are still in use.
 */
export const PrunedBytesDeleted = defineEvent(
  'PrunedBytesDeleted',
  1,
  z.object({ pruned: z.array(text), digests: z.array(digest), bytes: count }),
);

/** A look at everything that is kept has ended. Of those that nobody asked for, only one that found something is told. */
export const MaintenanceFinished = defineEvent(
  'MaintenanceFinished',
  1,
  z.object({
    trigger: z.enum(['hourly', 'requested', 'disk_pressure']),
    /** How many were pruned. */
    caches: count,
    logs: count,
    /** Absent in what early releases recorded. */
    snapshots: count.optional(),
    /** That were deleted, and that wait for jobs to end. */
    bytes: count,
    waitingBytes: count,
    /** What was free when it began, where that was too little. */
    disk: z.object({ freeBytes: count, reserveBytes: count }).optional(),
  }),
);
