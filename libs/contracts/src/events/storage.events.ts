import { z } from 'zod';
import { defineEvent } from '../event.ts';
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
