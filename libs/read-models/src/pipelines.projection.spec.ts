import { describe, expect, it } from '@jest/globals';
import {
  COLLECTION,
  JobDue,
  JobPlayed,
  JobRetried,
  PipelineBlocked,
  PipelineCancelling,
  PipelineDelayed,
  PipelineFinished,
  PipelinePlanned,
  PipelineRejected,
  PipelineReopened,
  PipelineRequested,
  PipelineStarted,
  PlanRejected,
  type NewEvent,
  type PipelineDoc,
  type Problem,
} from '@foldline/contracts';
import { sampleContext as context, plannedJob, planOf } from '@foldline/testing';
import { documentAfter, indexesOf, timeAt } from './history.fixture.ts';

const plan = planOf(plannedJob(0, 'build'), plannedJob(1, 'test'));
const requested = PipelineRequested({
  pipelineId: 'p1',
  project: context.project,
  ref: context.ref,
  source: 'api',
  variables: { MODE: 'fast' },
  projectVariables: [],
  secrets: [],
});
const planned = PipelinePlanned({ pipelineId: 'p1', context, plan });
const started = PipelineStarted({ pipelineId: 'p1', context, plan });
const finished = PipelineFinished({ pipelineId: 'p1', status: 'failed', context });
const problem: Problem = { code: 'unknown-keyword', severity: 'error', message: 'no', file: 'f', line: 1, column: 1 };

const after = (...events: NewEvent[]): PipelineDoc =>
  documentAfter<PipelineDoc>(COLLECTION.pipelines, 'p1', ...events)!;

describe('a pipeline document', () => {
  it('exists from the request on, with what was asked', () => {
    expect(after(requested)).toMatchObject({
      id: 'p1',
      projectId: 'pr1',
      status: 'created',
      ref: 'main',
      sha: '',
      requestedBy: 'admin',
      variables: { MODE: 'fast' },
      createdAt: timeAt(1),
      position: 1,
    });
  });

  it('has the name that its definition gives it, and none where that is empty', () => {
    const called = (name: string) => PipelinePlanned({ pipelineId: 'p1', context, plan: { ...plan, name } });
    expect(after(requested, called('Nightly'))).toMatchObject({ name: 'Nightly' });
    expect(after(requested, called('Nightly'), called('Nightly'))).toMatchObject({ name: 'Nightly' });
    expect(after(requested, called(''))).not.toHaveProperty('name');
    expect(after(requested, planned)).not.toHaveProperty('name');
  });

  it('shows what its definition has taken over from elsewhere', () => {
    const included = [{ kind: 'remote' as const, url: 'https://example.com/a.yml', sha256: 'f00d' }];
    const planned = PipelinePlanned({ pipelineId: 'p1', context, plan: { ...plan, included } });
    expect(after(requested, planned)).toMatchObject({ included });
  });

  it('shows the commit and the decisions once it is planned', () => {
    expect(after(requested, planned)).toMatchObject({
      status: 'created',
      sha: context.sha,
      message: 'Add gears',
      jobCount: 2,
      stages: ['test'],
      decisions: [{ definition: 'build' }, { definition: 'test' }],
    });
  });

  it('runs, and ends as its jobs decide', () => {
    expect(after(requested, planned, started)).toMatchObject({ status: 'running', startedAt: timeAt(3) });
    expect(after(requested, planned, started, finished)).toMatchObject({ status: 'failed', finishedAt: timeAt(4) });
  });

  it('counts the jobs that did not end well and might, when it succeeds in spite of them', () => {
    const warned = PipelineFinished({ pipelineId: 'p1', status: 'success', warnings: 2, context });
    expect(after(requested, planned, started, warned)).toMatchObject({ status: 'success', warnings: 2 });
    const again = PipelineReopened({ pipelineId: 'p1', jobId: 'p1.0' });
    expect(after(requested, planned, started, warned, again)).not.toHaveProperty('warnings');
  });

  it('waits for a person when only one can let it go on, and runs when one did', () => {
    const blocked = PipelineBlocked({ pipelineId: 'p1', jobs: ['p1.0'] });
    expect(after(requested, planned, started, blocked).status).toBe('manual');
    const played = JobPlayed({ pipelineId: 'p1', jobId: 'p1.0', by: 'ada' });
    expect(after(requested, planned, started, blocked, played).status).toBe('running');
  });

  it('waits for the time of a delayed job, and runs when that is over', () => {
    const delayed = [requested, planned, started, PipelineDelayed({ pipelineId: 'p1', jobs: ['p1.0'] })];
    expect(after(...delayed).status).toBe('delayed');
    expect(after(...delayed, JobDue({ pipelineId: 'p1', jobId: 'p1.0' })).status).toBe('running');
  });

  it('runs when a person retries a job while it waits', () => {
    const blocked = [requested, planned, started, PipelineBlocked({ pipelineId: 'p1', jobs: ['p1.0'] })];
    const retried = JobRetried({ pipelineId: 'p1', jobId: 'p1.1', attempt: 2, by: 'user' });
    expect(after(...blocked, retried).status).toBe('running');
    expect(after(requested, planned, started, finished, retried).status).toBe('failed');
  });

  it('tells why it was cancelled by itself, until a person takes it up', () => {
    const because = { rule: 'auto_cancel: on_job_failure', detail: 'unit failed', jobs: ['p1.0'] };
    const cancelling = PipelineCancelling({ pipelineId: 'p1', by: 'scheduler', reason: 'job_failed', because });
    const cancelled = [requested, planned, started, cancelling, finished];
    expect(after(...cancelled)).toMatchObject({ status: 'failed', because });
    expect(after(...cancelled, PipelineReopened({ pipelineId: 'p1', jobId: 'p1.0' }))).not.toHaveProperty('because');
    const byHand = PipelineCancelling({ pipelineId: 'p1', by: 'admin' });
    expect(after(requested, planned, started, cancelling, byHand)).not.toHaveProperty('because');
  });

  it('is found by its branch while it goes on, and among those that a push may end where its plan says so', () => {
    const key = 'pr1/main/0000000000000001';
    const begins = (onNewCommit: 'conservative' | 'none') =>
      PipelineStarted({
        pipelineId: 'p1',
        context,
        plan: { ...plan, autoCancel: { onNewCommit, onJobFailure: 'none' } },
      });
    const indexes = (...events: NewEvent[]) => indexesOf(COLLECTION.pipelines, after(requested, planned, ...events));
    expect(indexes(begins('conservative'))).toMatchObject({ activeByBranch: key, cancellable: key });
    for (const other of [started, begins('none')]) {
      expect(indexes(other)).toMatchObject({ activeByBranch: key });
      expect(indexes(other)).not.toHaveProperty('cancellable');
    }
    const cancelling = PipelineCancelling({ pipelineId: 'p1', by: 'admin' });
    expect(indexes(begins('conservative'), cancelling)).not.toHaveProperty('cancellable');
    expect(indexes(begins('conservative'), finished)).not.toHaveProperty('activeByBranch');
  });

  it('is found among the active ones until it has ended', () => {
    const found = (...events: NewEvent[]) => Object.keys(indexesOf(COLLECTION.pipelines, after(...events)));
    expect(found(requested)).toContain('active');
    expect(found(requested, planned, started)).toContain('active');
    expect(found(requested, planned, started, finished)).not.toContain('active');
  });

  it('runs again when a person takes it up', () => {
    const again = after(requested, planned, started, finished, PipelineReopened({ pipelineId: 'p1', jobId: 'p1.0' }));
    expect(again.status).toBe('running');
    expect(again).not.toHaveProperty('finishedAt');
  });

  it('is cancelling until it has ended', () => {
    expect(after(requested, planned, started, PipelineCancelling({ pipelineId: 'p1', by: 'admin' })).status).toBe(
      'cancelling',
    );
  });

  it('has failed with every problem when its definition is refused', () => {
    const refused = [requested, PlanRejected({ pipelineId: 'p1', problems: [problem] })];
    expect(after(...refused)).toMatchObject({ status: 'created', problems: [problem] });
    const rejected = after(...refused, PipelineRejected({ pipelineId: 'p1', problems: [problem] }));
    expect(rejected).toMatchObject({ status: 'failed', problems: [problem], finishedAt: timeAt(3) });
  });

  it('shows the commit whose definition is refused, and none where none is known', () => {
    const commit = { sha: 'c'.repeat(40), message: 'Grind gears' };
    const refused = PlanRejected({ pipelineId: 'p1', problems: [problem], commit });
    expect(after(requested, refused)).toMatchObject({ ...commit, problems: [problem] });
    const unknown = PlanRejected({ pipelineId: 'p1', problems: [problem] });
    expect(after(requested, unknown)).toMatchObject({ sha: '', message: '', problems: [problem] });
  });

  it('holds no list of jobs, so that its size does not grow with them', () => {
    const many = planOf(...Array.from({ length: 500 }, (_, n) => plannedJob(n, 'same', { definition: 'same' })));
    const big = after(requested, PipelinePlanned({ pipelineId: 'p1', context, plan: { ...many, decisions: [] } }));
    expect(JSON.stringify(big).length).toBeLessThan(1000);
  });

  it('sorts by its place in the log', () => {
    expect(indexesOf(COLLECTION.pipelines, after(requested))).toMatchObject({
      byProject: 'pr1/0000000000000001',
      byPosition: '0000000000000001',
    });
  });

  it('does not change when the request is delivered twice', () => {
    expect(after(requested, planned, requested)).toMatchObject({ sha: context.sha, position: 1 });
  });
});
