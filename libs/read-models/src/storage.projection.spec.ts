import { describe, expect, it } from '@jest/globals';
import {
  CacheCommitted,
  CachePruned,
  CacheRestored,
  COLLECTION,
  LogPruned,
  PrunedBytesDeleted,
  SnapshotPruned,
  SnapshotTaken,
  type CacheDoc,
  type NewEvent,
  type PruningDoc,
  type SnapshotDoc,
} from '@foldline/contracts';
import { documentAfter, indexesOf, timeAt } from './history.fixture.ts';

const entry = { cacheId: 'c1', projectId: 'pr1', scope: 'protected', key: 'deps' } as const;
const committed = (fill: string) =>
  CacheCommitted({ ...entry, pipelineId: 'p1', jobId: 'p1.0', manifestDigest: fill.repeat(64), files: 2, bytes: 30 });
const attempt = { attemptId: 'p2.0.1', pipelineId: 'p2', jobId: 'p2.0', attempt: 1 };
const restored = CacheRestored({ ...attempt, key: 'deps', cacheId: 'c1', result: 'hit', files: 2, bytes: 30 });
const because = { rule: 'unused', detail: 'nobody used it for 30 days' } as const;
const pruned = (fill: string) => CachePruned({ ...entry, manifestDigest: fill.repeat(64), bytes: 30, because });
const logPruned = LogPruned({
  attemptId: 'p2.0.1',
  jobId: 'p2.0',
  pipelineId: 'p2',
  bytes: 7,
  sha256: 'e'.repeat(64),
  because,
});

describe('a cache document', () => {
  const after = (...events: NewEvent[]): CacheDoc | undefined =>
    documentAfter<CacheDoc>(COLLECTION.caches, 'c1', ...events);

  it('tells when a job has saved or restored it last, and is found by that', () => {
    expect(after(committed('a'))).toMatchObject({ lastUsedAt: timeAt(1) });
    const used = after(committed('a'), restored)!;
    expect(used).toMatchObject({ committedAt: timeAt(1), lastUsedAt: timeAt(2) });
    expect(indexesOf(COLLECTION.caches, used).byUse).toBe(`${timeAt(2)}/c1`);
  });

  it('is gone when it was pruned', () => {
    expect(after(committed('a'), pruned('a'))).toBeUndefined();
    expect(after(committed('a'), pruned('a'), pruned('a'), restored)).toBeUndefined();
  });

  it('stays when what it has replaced was pruned', () =>
    expect(after(committed('a'), committed('b'), pruned('a'))).toMatchObject({ manifestDigest: 'b'.repeat(64) }));
});

const taken = { ...attempt, projectId: 'pr1', step: 1, trees: [], manifestDigest: 'd'.repeat(64), layers: [] };
const snapshotTaken = SnapshotTaken({ ...taken, files: 1, bytes: 3, durationMs: 4 });
const snapshotPruned = SnapshotPruned({ ...taken, bytes: 3, because: { rule: 'age', detail: 'it is old' } });

describe('the document of what the steps have made', () => {
  const after = (...events: NewEvent[]): SnapshotDoc =>
    documentAfter<SnapshotDoc>(COLLECTION.snapshots, 'p2.0.1/1', ...events)!;

  it('is found by its job and by its age', () => {
    const byJob = 'p2.0/000000000001/000000000001';
    expect(indexesOf(COLLECTION.snapshots, after(snapshotTaken))).toEqual({ byJob, byAge: `${timeAt(1)}/p2.0.1/1` });
  });

  it('stays when it was pruned, says so, and is found by its job alone', () => {
    const pruned = after(snapshotTaken, snapshotPruned);
    expect(pruned).toMatchObject({ step: 1, takenAt: timeAt(1), prunedAt: timeAt(2) });
    expect(indexesOf(COLLECTION.snapshots, pruned)).not.toHaveProperty('byAge');
    expect(documentAfter(COLLECTION.snapshots, 'p2.0.1/1', snapshotPruned)).toBeUndefined();
  });
});

describe('the document of what was pruned', () => {
  const id = `c1.${'a'.repeat(64)}`;
  const after = (of: string, ...events: NewEvent[]): PruningDoc | undefined =>
    documentAfter<PruningDoc>(COLLECTION.prunings, of, ...events);

  it('tells what its bytes are and where in the log it was pruned', () => {
    const pruning = after(id, committed('a'), pruned('a'))!;
    expect(pruning).toMatchObject({ kind: 'cache', cacheId: 'c1', key: 'deps', bytes: 30, because });
    expect(pruning).toMatchObject({ prunedAt: timeAt(2), position: 2 });
    expect(indexesOf(COLLECTION.prunings, pruning).byPosition).toBe(`0000000000000002/${id}`);
    expect(after('p2.0.1/1', snapshotTaken, snapshotPruned)).toMatchObject({
      kind: 'snapshot',
      jobId: 'p2.0',
      step: 1,
    });
    expect(after('p2.0.1', logPruned)).toMatchObject({ kind: 'log', jobId: 'p2.0', bytes: 7 });
  });

  it('is there until the bytes are gone', () => {
    const deleted = PrunedBytesDeleted({ pruned: [id, 'p2.0.1'], digests: [], bytes: 37 });
    expect(after(id, pruned('a'), logPruned, deleted)).toBeUndefined();
    expect(after('p2.0.1', pruned('a'), logPruned, deleted, deleted)).toBeUndefined();
    expect(after(id, pruned('a'), PrunedBytesDeleted({ pruned: ['other'], digests: [], bytes: 1 }))).toBeDefined();
  });
});
