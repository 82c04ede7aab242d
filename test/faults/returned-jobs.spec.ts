import { describe, expect, it } from '@jest/globals';
import { jobsFollowTheRules } from './checks/job.checks.mjs';

type Step = readonly [stream: string, type: string, data?: Record<string, unknown>];

const JOB = 'p1.0';
const steps: readonly Step[] = [
  ['runner-one', 'RunnerRegistered', { runnerId: 'one', epoch: 'e1' }],
  ['pipeline-p1', 'PipelineStarted'],
  ['pipeline-p1', 'JobQueued', { jobId: JOB, attempt: 1 }],
  ['pipeline-p1', 'JobAssigned', { jobId: JOB, attempt: 1, runnerId: 'one', epoch: 'e1' }],
  ['runner-one', 'RunnerDraining', { runnerId: 'one', epoch: 'e1' }],
  ['pipeline-p1', 'JobRetried', { jobId: JOB, attempt: 2, by: 'not_started' }],
  ['pipeline-p1', 'JobQueued', { jobId: JOB, attempt: 2 }],
  ['pipeline-p1', 'JobAssigned', { jobId: JOB, attempt: 2, runnerId: 'two', epoch: 'e2' }],
  ['attempt-p1.0.2', 'AttemptStarted', { attemptId: `${JOB}.2` }],
  ['attempt-p1.0.2', 'AttemptFinished', { attemptId: `${JOB}.2`, outcome: 'success', commits: [] }],
  ['pipeline-p1', 'JobSucceeded', { jobId: JOB, attempt: 2 }],
  ['pipeline-p1', 'PipelineFinished', { status: 'success' }],
];
const problemsOf = (told: readonly Step[]): string[] =>
  jobsFollowTheRules({ events: told.map(([stream, type, data = {}], n) => ({ stream, type, data, position: n + 1 })) });
const without = (type: string): Step[] => steps.filter(([, each]) => each !== type);

describe('a job that was assigned and not begun', () => {
  it('may be given to another runner once its own drains', () => {
    expect(problemsOf(steps)).toEqual([]);
  });

  it('may not be given to another while its runner neither drains nor is lost', () => {
    expect(problemsOf(without('RunnerDraining'))).toContain(`${JOB}.1 had not finished when it was returned`);
  });

  it('may not be begun by the runner that drains', () => {
    const begun: Step = ['attempt-p1.0.1', 'AttemptStarted', { attemptId: `${JOB}.1` }];
    expect(problemsOf([...steps.slice(0, 6), begun, ...steps.slice(6)])).toContain(
      `${JOB}.1 had not finished when it was returned`,
    );
  });
});
