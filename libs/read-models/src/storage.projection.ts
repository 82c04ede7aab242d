import {
  ArtifactCommitted,
  ArtifactExpired,
  artifactIndexKey,
  ArtifactRefused,
  CacheCommitted,
  CachePruned,
  CacheRestored,
  cacheIndexKey,
  COLLECTION,
  SnapshotPruned,
  SnapshotTaken,
  ageIndexKey,
  snapshotIndexKey,
  expiryIndexKey,
  LogPruned,
  PrunedBytesDeleted,
  pruningIndexKey,
  useIndexKey,
  type ArtifactDoc,
  type CacheDoc,
  type SnapshotDoc,
  type PruningDoc,
  type RecordedEvent,
} from '@foldline/contracts';
import { defineProjection, when } from '@foldline/kernel';

const artifactId = (data: { artifactId: string }): string => data.artifactId;

const committed = ({
  data,
  recordedAt,
}: RecordedEvent<string, ReturnType<typeof ArtifactCommitted>['data']>): ArtifactDoc => {
  const { artifactId: id, expiresAt, ...rest } = data;
  return {
    id,
    ...rest,
    status: 'available',
    committedAt: recordedAt,
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
};

/** What was refused was never visible; the reason is what people look for. Early releases recorded little else. */
const refused = ({
  data,
  recordedAt,
}: RecordedEvent<string, ReturnType<typeof ArtifactRefused>['data']>): ArtifactDoc => ({
  id: data.artifactId,
  pipelineId: data.pipelineId,
  projectId: data.projectId ?? '',
  jobId: data.jobId,
  attempt: data.attempt ?? 0,
  name: data.name ?? '',
  kind: data.kind ?? 'archive',
  manifestDigest: '',
  files: 0,
  bytes: 0,
  status: 'refused',
  because: data.because,
  committedAt: recordedAt,
});

export const artifactsProjection = defineProjection<ArtifactDoc>(
  COLLECTION.artifacts,
  (doc) => ({
    byJob: artifactIndexKey(doc.jobId, doc.id),
    byProject: `${doc.projectId}/${doc.committedAt}/${doc.id}`,
    ...(doc.status === 'available' && doc.expiresAt !== undefined
      ? { byExpiry: expiryIndexKey(doc.expiresAt, doc.id) }
      : {}),
  }),
  [
    when(ArtifactCommitted, artifactId, (_doc, event) => committed(event)),
    when(ArtifactRefused, artifactId, (doc, event) =>
      doc ? { ...doc, status: 'refused', because: event.data.because } : refused(event),
    ),
    when(ArtifactExpired, artifactId, (doc) => doc && { ...doc, status: 'expired' }),
  ],
);

const snapshotId = ({ attemptId, step }: { attemptId: string; step: number }): string => `${attemptId}/${step}`;

export const snapshotsProjection = defineProjection<SnapshotDoc>(
  COLLECTION.snapshots,
  ({ id, jobId, attempt, step, takenAt, prunedAt }) => ({
    byJob: snapshotIndexKey(jobId, attempt, step),
    ...(prunedAt === undefined && { byAge: ageIndexKey(takenAt, id) }),
  }),
  [
    when(SnapshotTaken, snapshotId, (_doc, { data, recordedAt }) => {
      const { attemptId: _attemptId, durationMs: _durationMs, ...rest } = data;
      return { id: snapshotId(data), ...rest, takenAt: recordedAt };
    }),
    when(SnapshotPruned, snapshotId, (doc, { recordedAt }) => doc && { ...doc, prunedAt: recordedAt }),
  ],
);

export const cachesProjection = defineProjection<CacheDoc>(
  COLLECTION.caches,
  (doc) => ({
    byKey: `${cacheIndexKey(doc.projectId, doc.scope, doc.key)}/${doc.id}`,
    byUse: useIndexKey(doc.lastUsedAt, doc.id),
  }),
  [
    when(
      CacheCommitted,
      ({ cacheId }) => cacheId,
      (_doc, { data, recordedAt }) => {
        const { cacheId: id, pipelineId: _pipelineId, ...rest } = data;
        return { id, ...rest, committedAt: recordedAt, lastUsedAt: recordedAt };
      },
    ),
    when(
      CacheRestored,
      ({ cacheId }) => cacheId ?? [],
      (doc, { recordedAt }) => doc && { ...doc, lastUsedAt: recordedAt },
    ),
    // A tree that another one has replaced was not under its key any more.
    when(
      CachePruned,
      ({ cacheId }) => cacheId,
      (doc, { data }) => (doc?.manifestDigest === data.manifestDigest ? undefined : doc),
    ),
  ],
);

export const pruningsProjection = defineProjection<PruningDoc>(
  COLLECTION.prunings,
  ({ position, id }) => ({ byPosition: pruningIndexKey(position, id) }),
  [
    when(
      CachePruned,
      ({ cacheId, manifestDigest }) => `${cacheId}.${manifestDigest}`,
      (_doc, { data: { scope: _scope, ...data }, recordedAt: prunedAt, position }, id) => ({
        id,
        kind: 'cache',
        ...data,
        prunedAt,
        position,
      }),
    ),
    when(
      SnapshotPruned,
      snapshotId,
      (
        _doc,
        { data: { attemptId: _attemptId, pipelineId: _pipelineId, ...data }, recordedAt: prunedAt, position },
        id,
      ) => ({
        id,
        kind: 'snapshot',
        ...data,
        prunedAt,
        position,
      }),
    ),
    when(
      LogPruned,
      ({ attemptId }) => attemptId,
      (_doc, { data: { attemptId, jobId, bytes, because }, recordedAt: prunedAt, position }, id) => ({
        id,
        kind: 'log',
        attemptId,
        jobId,
        bytes,
        because,
        prunedAt,
        position,
      }),
    ),
    when(
      PrunedBytesDeleted,
      ({ pruned }) => pruned,
      (): PruningDoc | undefined => undefined,
    ),
  ],
);
