import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { count, text } from './shared.schemas.ts';

/** In which order the jobs of a resource group run; see docs/api.md. */
export const PROCESS_MODES = ['unordered', 'oldest_first', 'newest_first', 'newest_ready_first'] as const;
export type ProcessMode = (typeof PROCESS_MODES)[number];
export const processMode = z.enum(PROCESS_MODES);

const group = { groupId: text, projectId: text, group: text };
const job = { ...group, pipelineId: text, jobId: text, attempt: count };

/** A pipeline has begun, these jobs of which will want the resource. */
export const ResourceExpected = defineEvent(
  'ResourceExpected',
  1,
  z.object({ ...group, pipelineId: text, indexes: z.array(count).min(1) }),
);

/** The job's turn has come in its pipeline; it runs when it has the resource. */
export const ResourceRequested = defineEvent('ResourceRequested', 1, z.object(job));

/** The job holds the resource, alone, until it is released. */
export const ResourceGranted = defineEvent('ResourceGranted', 1, z.object(job));

/** The job holds the resource no longer, or wants it no longer. */
export const ResourceReleased = defineEvent('ResourceReleased', 1, z.object(job));

export const ProcessModeSet = defineEvent('ProcessModeSet', 1, z.object({ ...group, processMode }));
