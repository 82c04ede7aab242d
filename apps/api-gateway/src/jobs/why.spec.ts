import { describe, expect, it } from '@jest/globals';
import type { JobDoc } from '@foldline/contracts';
import { waitingOf, type Waiting } from '../queue/waiting.ts';
import { decisionsOf, sentenceOf } from './why.ts';

const job = (
  status: JobDoc['status'],
  last?: { event: string; rule: string; detail: string },
  more: Partial<JobDoc> = {},
): JobDoc => ({
  id: 'p1.0',
  pipelineId: 'p1',
  projectId: 'pr1',
  project: 'ada/engine',
  index: 0,
  name: 'build',
  definition: 'build',
  kind: 'build',
  priority: 5,
  requirements: {},
  stage: 'build',
  status,
  attempt: 1,
  allowFailure: false,
  stepCount: 1,
  why: last
    ? [{ at: 'now', position: 1, event: last.event, because: { rule: last.rule, detail: last.detail, jobs: [] } }]
    : [],
  steps: [],
  caches: [],
  createdAt: 'now',
  updatedPosition: 1,
  ...more,
});
const sentence = (doc: JobDoc, waiting: Waiting | undefined = waitingOf(doc)): string => sentenceOf(doc, waiting);

describe('why, in words', () => {
  it('says that a job waits for its resource group', () =>
    expect(sentence(job('waiting_for_resource', undefined, { resourceGroup: 'production' }))).toBe(
      'build waits for its resource group: the resource group "production" is given to another job first.',
    ));

  it('says until when a delayed job waits', () =>
    expect(sentence(job('delayed', undefined, { startsAt: '2030-01-01T00:00:00.000Z' }))).toBe(
      'build waits until its time is over: it is queued at 2030-01-01T00:00:00.000Z.',
    ));

  it('says what a queued job waits for, how many go before it, and when it is expected to start', () => {
    const waiting = { code: 'too_large', detail: 'no runner offers 64 cpus' };
    const start = 'build waits for a runner: no runner offers 64 cpus';
    const doc = job('queued');
    expect(sentence(doc, waiting)).toBe(`${start}.`);
    expect(sentence(doc, { ...waiting, position: 1 })).toBe(`${start}; it is next.`);
    expect(sentence(doc, { ...waiting, position: 2 })).toBe(`${start}; 1 job goes before it.`);
    const expectedStart = { at: '2030-01-01T00:00:00.000Z', basis: { jobs: 1, runs: 3 } };
    expect(sentence(doc, { ...waiting, position: 3, expectedStart })).toBe(
      `${start}; 2 jobs go before it, and it is expected to start at 2030-01-01T00:00:00.000Z.`,
    );
  });

  it('says that a person must act', () =>
    expect(sentence(job('manual', { event: 'JobHeld', rule: 'manual', detail: 'when: manual' }))).toBe(
      'build waits for a person to start it: when: manual.',
    ));

  it('says why a job was skipped', () =>
    expect(sentence(job('skipped', { event: 'JobSkipped', rule: 'on_success', detail: 'test failed' }))).toBe(
      'build was skipped: test failed (on_success).',
    ));

  describe('of a job that was cancelled', () => {
    const cancelled = { event: 'JobCancelled', rule: 'cancelled', detail: 'the pipeline was cancelled' };
    const because = { rule: 'auto_cancel: on_job_failure', detail: 'test failed', jobs: ['p1.3'] };

    it('names the job whose failure ended its pipeline', () => {
      const doc = job('cancelled', cancelled);
      const why = decisionsOf(doc, { because });
      expect(why).toMatchObject([{ event: 'JobCancelled', because }]);
      expect(sentence({ ...doc, why })).toBe('build was cancelled: test failed (auto_cancel: on_job_failure).');
    });

    it('says no more than is known', () => {
      expect(sentence({ ...job('cancelled', cancelled), why: decisionsOf(job('cancelled', cancelled), {}) })).toBe(
        'build was cancelled: the pipeline was cancelled (cancelled).',
      );
    });

    it('keeps a reason of its own', () => {
      const own = job('cancelled', { event: 'JobCancelled', rule: 'auto_cancel: interruptible', detail: 'newer' });
      expect(decisionsOf(own, { because })).toEqual(own.why);
    });
  });

  it('says how a job failed', () => {
    const failed = job(
      'failed',
      { event: 'JobFailed', rule: 'failed: script_failure', detail: 'no further attempt follows' },
      { exitCode: 2 },
    );
    expect(sentence(failed)).toBe(
      'build failed with exit code 2: no further attempt follows (failed: script_failure).',
    );
    expect(waitingOf(failed)).toBeUndefined();
  });

  it('says where a job runs, and that one has succeeded', () => {
    const assigned = { event: 'JobAssigned', rule: 'cluster', detail: 'r1 had 4 slots free' };
    expect(sentence(job('running', assigned, { runnerId: 'r1' }))).toBe('build is running on r1.');
    expect(sentence(job('success', assigned, { runnerId: 'r1', exitCode: 0 }))).toBe(
      'build succeeded with exit code 0.',
    );
  });

  it('says that a job has not had its turn', () =>
    expect(sentence(job('created'))).toContain('has not had its turn yet'));
});
