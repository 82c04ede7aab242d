import { describe, expect, it } from '@jest/globals';
import { jobsFollowTheRules } from './checks/job.checks.mjs';

type Step = readonly [stream: string, type: string, data?: Record<string, unknown>];

const JOB = 'p1.0';
const first = { jobId: JOB, attempt: 1 };
const started: Step = ['pipeline-p1', 'PipelineStarted'];
const asks: Step = ['pipeline-p1', 'DownstreamRequested', { ...first, downstreamId: 'p2' }];
const below = (status: string): Step => ['elsewhere-p2', 'PipelineFinished', { pipelineId: 'p2', status }];
const succeeds: Step = ['pipeline-p1', 'JobSucceeded', first];
const fails: Step = ['pipeline-p1', 'JobFailed', { ...first, reason: 'downstream_failed', allowed: false }];
const ends = (status: string): Step => ['pipeline-p1', 'PipelineFinished', { pipelineId: 'p1', status }];

const problemsOf = (...told: readonly Step[]): string[] =>
  jobsFollowTheRules({ events: told.map(([stream, type, data = {}], n) => ({ stream, type, data, position: n + 1 })) });

describe('A job that waits for the pipeline that it has started', () => {
  it('ends as that has ended, again when that goes on', () => {
    expect(problemsOf(started, asks, below('success'), succeeds, ends('success'))).toEqual([]);
    expect(problemsOf(started, asks, below('skipped'), succeeds, ends('success'))).toEqual([]);
    const reopened: Step[] = [
      ['pipeline-p1', 'PipelineReopened'],
      ['pipeline-p1', 'DownstreamReopened', first],
    ];
    const mended = [...reopened, below('success'), succeeds, ends('success')];
    expect(problemsOf(started, asks, below('failed'), fails, ends('failed'), ...mended)).toEqual([]);
  });

  it.each([
    ['before that has', [started, asks, succeeds, ends('success')], 'what it started went on'],
    ['other than that has', [started, asks, below('failed'), succeeds, ends('success')], 'what it started failed'],
    ['worse than that has, of which nothing ran', [started, asks, below('skipped'), fails, ends('failed')], 'skipped'],
    ['worse than that has', [started, asks, below('success'), fails, ends('failed')], 'what it started success'],
    ['never', [started, asks, below('success')], `${JOB} is stuck: below`],
    ['twice', [started, asks, below('success'), succeeds, succeeds, ends('success')], 'ended twice'],
  ] as const)('may not end %s', (_, told, problem) => {
    expect(problemsOf(...told).join('; ')).toContain(problem);
  });

  it('may not start another one in the same attempt, nor when its pipeline is cancelled', () => {
    expect(problemsOf(started, asks, asks).join('; ')).toContain(`${JOB} was below while it was below`);
    const cancelled: Step = ['pipeline-p1', 'PipelineCancelling', { pipelineId: 'p1' }];
    expect(problemsOf(started, cancelled, asks).join('; ')).toContain('after the pipeline was cancelled');
  });
});
