import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { snapshotTrees } from './attempt.events.ts';
import { artifactKind, count, digest, layered, text } from './shared.schemas.ts';

export const ArtifactCommitted = defineEvent(
  'ArtifactCommitted',
  1,
  z.object({
    artifactId: text,
    pipelineId: text,
    projectId: text,
    jobId: text,
    attempt: count,
    name: text,
    kind: artifactKind,
    manifestDigest: digest,
    files: count,
    bytes: count,
    /** RFC 3339; absent when it is kept for ever. */
    expiresAt: text.optional(),
  }),
);
export const ArtifactRefused = defineEvent(
  'ArtifactRefused',
  1,
  z.object({
    artifactId: text,
    pipelineId: text,
    jobId: text,
    because: text,
    /** What the upload called itself. Absent in what early releases recorded. */
    projectId: text.optional(),
    attempt: count.optional(),
    name: text.optional(),
    kind: artifactKind.optional(),
  }),
);
/** The bytes are gone; the record stays (C05). */
export const ArtifactExpired = defineEvent(
  'ArtifactExpired',
  1,
  z.object({ artifactId: text, pipelineId: text, jobId: text, manifestDigest: digest, bytes: count }),
);

export const CacheCommitted = defineEvent(
  'CacheCommitted',
  1,
  z.object({
    cacheId: text,
    pipelineId: text,
    projectId: text,
    jobId: text,
    /** Absent in what early releases recorded. */
    attempt: count.optional(),
    scope: z.enum(['protected', 'unprotected']),
    key: text,
    manifestDigest: digest,
    files: count,
    bytes: count,
    ...layered,
  }),
);
export const CacheRefused = defineEvent(
  'CacheRefused',
  1,
  z.object({ cacheId: text, pipelineId: text, jobId: text, attempt: count.optional(), because: text }),
);

/** Which rule of retention took something, and the values that decided it. */
const pruneReason = z.object({
  rule: z.enum(['replaced', 'unused', 'project_limit', 'total_limit', 'disk_reserve', 'age']),
  detail: text,
});
export type PruneReason = z.infer<typeof pruneReason>;
/**
 * Nobody finds this tree under its key any more. Its bytes go when no job can be at them, less what something else
 * names: `PrunedBytesDeleted`.
 */
export const CachePruned = defineEvent(
  'CachePruned',
  1,
  z.object({
    cacheId: text,
    projectId: text,
    scope: z.enum(['protected', 'unprotected']),
    key: text,
    manifestDigest: digest,
    layers: layered.layers,
    /** As they are stored; of a tree without layers those of its files. */
    bytes: count,
    because: pruneReason,
  }),
);

/**
 * No attempt goes on from this state any more. What it names is what `SnapshotTaken` has named; its bytes go when no job
 * can be at them, less what something else names: `PrunedBytesDeleted`.
 */
export const SnapshotPruned = defineEvent(
  'SnapshotPruned',
  1,
  z.object({
    attemptId: text,
    pipelineId: text,
    projectId: text,
    jobId: text,
    attempt: count,
    step: count,
    trees: snapshotTrees,
    manifestDigest: digest.optional(),
    layers: layered.layers,
    /** As they are stored, of what nothing else that is kept had. */
    bytes: count,
    because: pruneReason,
  }),
);

export const LogSealed = defineEvent(
  'LogSealed',
  1,
  z.object({
    attemptId: text,
    jobId: text,
    pipelineId: text,
    bytes: count,
    sha256: digest,
    /** False when the writer died and the log ends where it had come. */
    complete: z.boolean(),
  }),
);
/** The output is nobody's to read any more, and its bytes go; what the job did stays told (C05). */
export const LogPruned = defineEvent(
  'LogPruned',
  1,
  z.object({
    attemptId: text,
    jobId: text,
    pipelineId: text,
    bytes: count,
    sha256: digest,
    because: pruneReason,
  }),
);
