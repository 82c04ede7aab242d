import { describe, expect, it } from '@jest/globals';
import type { JobDoc, SubmittedJobDoc } from '@foldline/contracts';
import { standingOf } from './submitted-job-standing.ts';

const submitted: SubmittedJobDoc = {
  id: 'p1',
  name: 'build-123',
  projectId: 'pr1',
  project: 'ada/engine',
  sha: 'a'.repeat(40),
  steps: ['Install', 'Test', 'Pack'],
  timeout: 600,
  priority: 5,
  retries: 3,
  createdAt: 'now',
  position: 1,
};
const job = (status: JobDoc['status'], ...steps: Partial<JobDoc['steps'][number]>[]): JobDoc =>
  ({
    id: 'p1.0',
    pipelineId: 'p1',
    status,
    attempt: 2,
    steps: steps.map((step, index) => ({ attempt: 2, index, name: `step ${index}`, durationMs: 5, ...step })),
  }) as unknown as JobDoc;
const stepsOf = (doc: JobDoc | undefined): string[] => standingOf(submitted, doc).steps.map(({ status }) => status);

describe('A submitted job', () => {
  it('is queued before there is a job, and has failed when there will be none', () => {
    expect(standingOf(submitted, undefined)).toMatchObject({ status: 'queued', currentStep: 0 });
    expect(standingOf({ ...submitted, outcome: 'failed' }, undefined).status).toBe('failure');
    expect(standingOf({ ...submitted, outcome: 'skipped' }, undefined).status).toBe('cancelled');
  });

  it.each([
    ['queued', 'queued'],
    ['assigned', 'queued'],
    ['running', 'running'],
    ['finishing', 'running'],
    ['failed', 'failure'],
    ['timed_out', 'timeout'],
    ['skipped', 'cancelled'],
  ] as const)('whose job is %s is %s', (status, word) => expect(standingOf(submitted, job(status)).status).toBe(word));
});

describe('The steps of a submitted job', () => {
  it('are pending until it runs', () => {
    expect(stepsOf(undefined)).toEqual(['pending', 'pending', 'pending']);
    expect(stepsOf(job('queued'))).toEqual(['pending', 'pending', 'pending']);
  });

  it('run one after the other: the first that has not ended is the one that runs, its output behind the last one', () => {
    const ended = { step: 0, outcome: 'success', exitCode: 0, log: { start: 10, end: 30 } };
    const { currentStep, steps } = standingOf(submitted, job('running', ended));
    expect(currentStep).toBe(1);
    expect(steps).toEqual([
      { name: 'Install', status: 'success', durationMs: 5, exitCode: 0, log: { start: 10, end: 30 } },
      { name: 'Test', status: 'running', log: { start: 30 } },
      { name: 'Pack', status: 'pending' },
    ]);
  });

  it('are those of the newest attempt, without what the system does itself', () => {
    const before = { attempt: 1, step: 0, outcome: 'failed' };
    const own = { outcome: 'success' };
    expect(stepsOf(job('running', before, own))).toEqual(['running', 'pending', 'pending']);
  });

  it('tell which of them failed, and were skipped behind it', () => {
    const doc = job(
      'failed',
      { step: 0, outcome: 'success' },
      { step: 1, outcome: 'failed', exitCode: 3, detail: 'exit code 3' },
      { step: 2, outcome: 'skipped' },
    );
    const { currentStep, steps } = standingOf(submitted, doc);
    expect(steps.map(({ status }) => status)).toEqual(['success', 'failure', 'skipped']);
    expect(steps[1]).toMatchObject({ exitCode: 3, detail: 'exit code 3' });
    expect(currentStep).toBe(1);
  });

  it('end with a job that was ended from outside: the one that it was at like the job, the others skipped', () => {
    const first = { step: 0, outcome: 'success' };
    expect(stepsOf(job('cancelled', first))).toEqual(['success', 'cancelled', 'skipped']);
    expect(stepsOf(job('timed_out', first))).toEqual(['success', 'timeout', 'skipped']);
  });
});
