import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { JobAssigned, attemptStream } from '@foldline/contracts';
import { openEmbeddedEventStore } from '@foldline/event-store-embedded';
import { systemClock, ulidIds } from '@foldline/host';
import { Commands, PermanentError, TransientError, type EventStore, type Executor } from '@foldline/kernel';
import { plannedJob, sampleContext, storeWith } from '@foldline/testing';
import type { Assigned } from './attempt-execution.ts';
import { AttemptStart } from './attempt-start.ts';

const STREAM = attemptStream('p1.0.1');
const assigned: Assigned = {
  ...JobAssigned({
    pipelineId: 'p1',
    jobId: 'p1.0',
    attempt: 1,
    runnerId: 'one',
    cluster: { id: 'c1', power: 'high-power' },
    job: plannedJob(0, 'build'),
    context: sampleContext,
    pipelineVariables: {},
    artifactJobs: [],
    because: { rule: 'cluster', detail: 'free', jobs: [] },
  }),
  id: 'assigned',
  stream: 'pipeline-p1',
  revision: 3,
  position: 7,
  causationId: 'queued',
  correlationId: 'p1',
  actor: { kind: 'system', id: 'scheduler' },
  recordedAt: '2030-01-01T00:00:00.000Z',
};

describe('The start of an attempt', () => {
  let directory: string;
  let store: EventStore;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-start-'));
    store = await openEmbeddedEventStore({ directory, now: () => systemClock.now() });
  });
  afterEach(async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Starts attempts as a process of its own does; `way` is what its calls meet on their way to the log. */
  const process = (way: Partial<EventStore> = {}): AttemptStart => {
    const eventStore = storeWith(store, way);
    const ports = { eventStore, executor: { kindOf: () => 'process' } as unknown as Executor, ids: ulidIds() };
    return new AttemptStart(new Commands(eventStore, systemClock, 'runner'), ports);
  };
  const starts = async (): Promise<number> => (await store.readStream(STREAM, 0)).length;
  /** Stores, and breaks before the answer. */
  const unanswered: EventStore['append'] = async (...call) => {
    await store.append(...call);
    throw new PermanentError('the connection broke');
  };

  it('is recorded, and is its process’s own', async () => {
    const one = process();

    expect([await one.isPossible(assigned), await one.record(assigned), await starts()]).toEqual([true, true, 1]);
  });

  it('is its process’s own also when the answer to it was lost', async () => {
    expect([await process({ append: unanswered }).record(assigned), await starts()]).toEqual([true, 1]);
  });

  it('is still possible when it was recorded and nobody could tell, and is then recorded no more', async () => {
    let readable = true;
    const one = process({
      append: async (...call) => {
        readable = false;
        return unanswered(...call);
      },
      readStream: async (...call) => {
        if (readable) return store.readStream(...call);
        throw new PermanentError('the disk is gone');
      },
    });
    await expect(one.record(assigned)).rejects.toBeInstanceOf(TransientError);
    readable = true;

    expect([await one.isPossible(assigned), await one.record(assigned), await starts()]).toEqual([true, true, 1]);
  });

  it('is refused as the log refuses it when it was not recorded', async () => {
    const append = () => Promise.reject(new PermanentError('no room'));

    await expect(process({ append }).record(assigned)).rejects.toThrow('no room');
  });

  it('is not possible when another process has recorded it', async () => {
    await process().record(assigned);
    const two = process();

    expect([await two.isPossible(assigned), await two.record(assigned), await starts()]).toEqual([false, false, 1]);
  });

  it('is one process’s own when two record it at the same time', async () => {
    const both = await Promise.all([process().record(assigned), process().record(assigned)]);

    expect([both.toSorted(), await starts()]).toEqual([[false, true], 1]);
  });
});
