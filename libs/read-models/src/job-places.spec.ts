import { describe, expect, it } from '@jest/globals';
import { queuePrefix, type JobDoc, type RunStep } from '@foldline/contracts';
import { COLLECTION, JobQueued, PipelineStarted } from '@foldline/contracts';
import { planOf, plannedJob, sampleContext as context } from '@foldline/testing';
import { documentAfter, indexesOf, timeAt } from './history.fixture.ts';

const started = (...steps: RunStep[]) => {
  const plan = planOf(plannedJob(0, 'te/st', { priority: 8, steps, resourceGroup: 'production' }));
  return PipelineStarted({ pipelineId: 'p1', context, plan });
};
const because = { rule: 'first stage', detail: 'its stage is the first', jobs: [] };
const queued = JobQueued({ pipelineId: 'p1', jobId: 'p1.0', attempt: 1, priority: 8, because });
const jobOf = (...steps: RunStep[]): JobDoc =>
  documentAfter<JobDoc>(COLLECTION.jobs, 'p1.0', started(...steps), queued)!;
const job = jobOf();
const foundAs = (more: Partial<JobDoc>): Record<string, string> => {
  const { byPipeline: _p, byProject: _o, ...place } = indexesOf(COLLECTION.jobs, { ...job, ...more });
  return place;
};
const command = (name: string): RunStep => ({ name, kind: 'run', command: 'true', environment: {} });

describe('The place of a job', () => {
  it('is the queue while it waits for a runner, those of higher priority first and then the longest waiting', () => {
    expect(foundAs({})).toEqual({ byQueue: `runner/02/${timeAt(2)}/p1.0`, byProjectQueue: `pr1/${timeAt(2)}/p1.0` });
    expect(foundAs({}).byQueue).toMatch(new RegExp(`^${queuePrefix('runner')}`));
    expect(foundAs({}).byQueue).toMatch(new RegExp(`^${queuePrefix('runner', 8)}`));
    const keys = [10, 9, 5, 0].map((priority) => queuePrefix('runner', priority));
    expect(keys).toEqual(keys.toSorted());
  });

  it('is the queue of its resource group while it waits for that', () => {
    expect(foundAs({ status: 'waiting_for_resource' })).toEqual({
      byQueue: `resource/02/${timeAt(2)}/p1.0`,
      byResource: `pr1/production/${timeAt(2)}/p1.0`,
    });
  });

  it('is its runner from when it was given to one until it has ended there', () => {
    const given = { runnerId: 'r1' };
    expect(foundAs({ ...given, status: 'assigned' })).toMatchObject({ onRunner: 'r1/p1.0' });
    expect(foundAs({ ...given, status: 'running' })).toMatchObject({ onRunner: 'r1/p1.0' });
    expect(foundAs({ ...given, status: 'finishing' })).not.toHaveProperty('onRunner');
  });

  it('is among those at work until its uploads are answered', () => {
    for (const status of ['assigned', 'running', 'finishing'] as const)
      expect(foundAs({ runnerId: 'r1', status })).toMatchObject({ atWork: 'pr1/p1.0' });
    expect(foundAs({ runnerId: 'r1', status: 'success' })).not.toHaveProperty('atWork');
  });

  it('is among those whose output grows old from its end on, until that was pruned', () => {
    const log = { attempt: 2, bytes: 1, sha256: 'a'.repeat(64), complete: true };
    const ended = { status: 'cancelled', finishedAt: timeAt(4), log } as const;
    expect(foundAs(ended)).toEqual({ byLogAge: `defined/${timeAt(4)}/p1.0` });
    expect(foundAs({ ...ended, submitted: true })).toEqual({ byLogAge: `submitted/${timeAt(4)}/p1.0` });
    expect(foundAs({ ...ended, logPruned: { attempt: 1, at: timeAt(5) } })).toHaveProperty('byLogAge');
    expect(foundAs({ ...ended, logPruned: { attempt: 2, at: timeAt(5) } })).toEqual({});
  });

  it('is no runner for a job that runs because a pipeline does that it has started', () =>
    expect(foundAs({ status: 'running' })).toEqual({}));

  describe('of one that has ended', () => {
    const carriedOut = { runnerId: 'r1', startedAt: timeAt(3), finishedAt: timeAt(4) };
    const among = { byKind: `pr1/te%2Fst/${timeAt(4)}/p1.0` };

    it('is among those of its kind, in the order in which they ended', () => {
      expect(foundAs({ ...carriedOut, status: 'success' })).toEqual(among);
      expect(foundAs({ ...carriedOut, status: 'failed', reason: 'script_failure' })).toEqual(among);
      expect(foundAs({ ...carriedOut, status: 'timed_out', reason: 'job_timeout' })).toEqual(among);
    });

    it('is nowhere when it did not run as long as it would have', () => {
      expect(foundAs({ ...carriedOut, status: 'failed', reason: 'runner_system_failure' })).toEqual({});
      expect(foundAs({ ...carriedOut, status: 'cancelled' })).toEqual({});
      expect(foundAs({ status: 'success', finishedAt: timeAt(4) })).toEqual({});
    });
  });
});

describe('The kind of a job', () => {
  it('is its definition, and of one that has commands with names these names', () => {
    expect(job.kind).toBe('te/st');
    expect(jobOf(command('Install'), command('Test')).kind).toBe('Install, Test');
  });

  it('is never half a character, however long the names are', () => {
    expect(encodeURIComponent(jobOf(command('\u{1F600}'.repeat(150))).kind)).toMatch(/^(?:%F0%9F%98%80)+$/);
    expect(jobOf(command('\uD83D')).kind).toBe('\uFFFD');
    expect(jobOf(command(`x${'\u{1F600}'.repeat(150)}`)).kind).toHaveLength(200);
  });
});
