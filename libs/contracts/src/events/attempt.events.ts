import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { MOST_LAYERS, treeLayer } from '../layered-manifest.ts';
import { artifactKind, count, digest, failureReason, outcome, layered, text } from './shared.schemas.ts';

const attempt = { attemptId: text, pipelineId: text, jobId: text, attempt: z.number().int().min(1) };

/** The authoritative start: the first event of its stream, so there is at most one. No process runs before it is stored. */
export const AttemptStarted = defineEvent(
  'AttemptStarted',
  1,
  z.object({ ...attempt, runnerId: text, executor: text }),
);

/**
 * The attempt has a container, which was there before anybody asked for it (`warm`) or was made for it. `images` are what
 * its containers are of, that of the job first: `id` is what the daemon knows an image by, `digest` its content in the
 * registry, where it came from one.
 */
export const ContainerStarted = defineEvent(
  'ContainerStarted',
  1,
  z.object({
    ...attempt,
    start: z.enum(['warm', 'cold']),
    images: z.array(z.object({ image: text, id: text, digest: text.optional() })),
  }),
);

export const StepFinished = defineEvent(
  'StepFinished',
  1,
  z.object({
    ...attempt,
    index: count,
    name: text,
    /** Which of the plan's steps it is; absent of what the system does besides. */
    step: count.optional(),
    outcome: z.enum(['success', 'failed', 'skipped', 'timed_out', 'cancelled']),
    exitCode: z.number().optional(),
    /** A process of the step was ended for taking more memory than the job may. */
    outOfMemory: z.literal(true).optional(),
    /** It was ended because the job used more of the disk than it may. */
    outOfDisk: z.literal(true).optional(),
    durationMs: z.number(),
    detail: text.optional(),
    /** It was not carried out: the attempt went on from what this one had kept behind it. */
    resumedFrom: count.optional(),
    /** Where in the log its output is: bytes from the first up to, not including, the last. */
    log: z.object({ start: count, end: count }).optional(),
  }),
);

/** The caches that lie below a snapshot, by which of the job's they are. */
export const snapshotTrees = z.array(
  z.object({ cache: count, manifestDigest: digest, layers: z.array(treeLayer).max(MOST_LAYERS) }),
);

/**
 * What the steps of the plan up to this one have made of the workspace is kept (S1-27). Without a manifest nothing is
 * different from checkout and caches.
 */
export const SnapshotTaken = defineEvent(
  'SnapshotTaken',
  1,
  z.object({
    ...attempt,
    projectId: text,
    step: count,
    trees: snapshotTrees,
    manifestDigest: digest.optional(),
    ...layered,
    files: count,
    bytes: count,
    durationMs: count,
  }),
);

/** The attempt goes on behind a step that an earlier one has carried out, from what that one has kept. */
export const AttemptResumed = defineEvent('AttemptResumed', 1, z.object({ ...attempt, from: count, step: count }));

export const CacheRestored = defineEvent(
  'CacheRestored',
  1,
  z.object({
    ...attempt,
    key: text,
    result: z.enum(['hit', 'fallback', 'miss']),
    matchedKey: text.optional(),
    /** The entry that was found. Absent in what early releases recorded. */
    cacheId: text.optional(),
    files: count,
    bytes: count,
  }),
);

/** The bytes are in the object store; the artifact-store makes them visible. */
export const ArtifactUploaded = defineEvent(
  'ArtifactUploaded',
  1,
  z.object({
    ...attempt,
    artifactId: text,
    projectId: text,
    name: text,
    kind: artifactKind,
    manifestDigest: digest,
    files: count,
    bytes: count,
    expireInSeconds: z.number().optional(),
  }),
);

export const CacheUploaded = defineEvent(
  'CacheUploaded',
  1,
  z.object({
    ...attempt,
    cacheId: text,
    projectId: text,
    /** Entries of one scope never meet those of another. */
    scope: z.enum(['protected', 'unprotected']),
    key: text,
    manifestDigest: digest,
    files: count,
    bytes: count,
    ...layered,
  }),
);

/** `logPath` is the file of the runner's host that the log is written to besides, if it could be. */
export const ImageBuildStarted = defineEvent(
  'ImageBuildStarted',
  1,
  z.object({ ...attempt, build: count, logPath: text.optional() }),
);

/** How far the build has come, in tenths of the whole: at most ten of these in an attempt. */
export const ImageBuildAdvanced = defineEvent(
  'ImageBuildAdvanced',
  1,
  z.object({ ...attempt, percent: count.max(100) }),
);

/** The image is there, at the daemon of the runner's host, under these names. */
export const ImageBuilt = defineEvent(
  'ImageBuilt',
  1,
  z.object({ ...attempt, build: count, imageId: text, tags: z.array(text) }),
);

/** The image is in a registry, which knows it by this digest. */
export const ImagePushed = defineEvent(
  'ImagePushed',
  1,
  z.object({ ...attempt, build: count, reference: text, digest: text }),
);

export const AttemptFinished = defineEvent(
  'AttemptFinished',
  1,
  z.object({
    ...attempt,
    runnerId: text,
    outcome,
    reason: failureReason.optional(),
    detail: text.optional(),
    exitCode: z.number().optional(),
    durationMs: z.number(),
    coverage: z.number().optional(),
    /** Where what the job deployed is found, when only the job itself could tell. */
    environmentUrl: text.optional(),
    /**
     * What its steps used and all processes that they waited for: milliseconds of CPU time, bytes read from and written
     * to disks, and the most memory. Absent where its executor could not tell, and in the events of early releases.
     */
    usage: z
      .object({
        cpuMs: z.number(),
        peakMemoryBytes: count.optional(),
        readBytes: count.optional(),
        writtenBytes: count.optional(),
      })
      .optional(),
    /** Ids of the artifacts and caches that must be committed before the job counts as done. */
    commits: z.array(text),
    /** Absent when the runner died: the log is then sealed as far as it came. */
    log: z.object({ bytes: count, sha256: digest, frames: count }).optional(),
  }),
);
