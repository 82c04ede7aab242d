import { describe, expect, it } from '@jest/globals';
import {
  AttemptStarted,
  CacheRestored,
  COLLECTION,
  DownstreamRefused,
  DownstreamReopened,
  DownstreamRequested,
  JobAssigned,
  JobAwaitsResource,
  JobCancelled,
  JobDelayed,
  JobDue,
  JobFailed,
  JobFinishing,
  JobHeld,
  JobPlayed,
  JobQueued,
  JobRetried,
  JobSkipped,
  JobSucceeded,
  JobWaiting,
  LogPruned,
  LogSealed,
  PipelineStarted,
  StepFinished,
  type JobDoc,
  type NewEvent,
} from '@foldline/contracts';
import { sampleContext as context, plannedJob, planOf } from '@foldline/testing';
import { documentAfter, indexesOf, timeAt } from './history.fixture.ts';
import { KEPT_ENTRIES } from './job-changes.ts';

const job = { pipelineId: 'p1', jobId: 'p1.0' };
const first = { ...job, attempt: 1 };
const turn = { rule: 'first stage', detail: 'its stage is the first', jobs: [] };
const started = PipelineStarted({
  pipelineId: 'p1',
  context,
  plan: planOf(plannedJob(0, 'build', { matrix: { OS: 'ubuntu' } }), plannedJob(1, 'test', { allowFailure: true })),
});
const queued = JobQueued({ ...first, priority: 5, because: turn });
const assigned = JobAssigned({
  ...first,
  runnerId: 'r1',
  cluster: { id: 'c1', power: 'low-power' },
  job: plannedJob(0, 'build'),
  context,
  pipelineVariables: {},
  artifactJobs: [],
  because: { rule: 'free slot', detail: 'r1 has a free slot', jobs: [] },
});
const attempt = { attemptId: 'p1.0.1', ...first };
const running = AttemptStarted({ ...attempt, runnerId: 'r1', executor: 'process' });
const succeeded = JobSucceeded({ ...first, exitCode: 0, coverage: 81.5 });
const failed = (reason: 'script_failure' | 'job_timeout', final: boolean) =>
  JobFailed({ ...first, reason, exitCode: 2, allowed: false, final });

const after = (...events: NewEvent[]): JobDoc => documentAfter<JobDoc>(COLLECTION.jobs, 'p1.0', ...events)!;

describe('a job document', () => {
  it('exists for every job of the plan once the pipeline has started', () => {
    expect(after(started)).toMatchObject({
      name: 'build',
      status: 'created',
      attempt: 0,
      matrix: { OS: 'ubuntu' },
      projectId: 'pr1',
    });
    expect(documentAfter(COLLECTION.jobs, 'p1.1', started)).toMatchObject({ name: 'test', allowFailure: true });
  });

  it('has what is to be confirmed before somebody starts it', () => {
    const plan = planOf(plannedJob(0, 'deploy', { when: 'manual', manualConfirmation: 'Deploy?' }));
    expect(after(PipelineStarted({ pipelineId: 'p1', context, plan }))).toMatchObject({ confirmation: 'Deploy?' });
    expect(after(started)).not.toHaveProperty('confirmation');
  });

  it('goes from queued over assigned and running to its end', () => {
    expect(after(started, queued)).toMatchObject({ status: 'queued', attempt: 1, queuedAt: timeAt(2) });
    expect(after(started, queued, assigned)).toMatchObject({ status: 'assigned', runnerId: 'r1' });
    expect(after(started, queued, assigned, running)).toMatchObject({ status: 'running', startedAt: timeAt(4) });
    const finishing = JobFinishing({ ...first, outcome: 'success', exitCode: 0, awaiting: ['a1'] });
    expect(after(started, queued, assigned, running, finishing)).toMatchObject({ status: 'finishing', exitCode: 0 });
    expect(after(started, queued, assigned, running, succeeded)).toMatchObject({
      status: 'success',
      exitCode: 0,
      coverage: 81.5,
      finishedAt: timeAt(5),
      updatedPosition: 5,
    });
  });

  it('shows where its environment is found as soon as the job has told', () => {
    const environment = { name: 'review', url: 'https://$HOST/', tier: 'development' };
    const deploying = PipelineStarted({
      ...started.data,
      plan: { ...started.data.plan, jobs: [plannedJob(0, 'build', { environment })] },
    });
    const told = JobSucceeded({ ...first, environmentUrl: 'https://shop-7.example/' });
    expect(after(deploying).environment).toEqual({ name: 'review', url: 'https://$HOST/' });
    expect(after(deploying, queued, assigned, running, told).environment).toEqual({
      name: 'review',
      url: 'https://shop-7.example/',
    });
    expect(after(started, queued, assigned, running, told)).not.toHaveProperty('environment');
  });

  it('collects every decision about it, oldest first', () => {
    const waiting = JobWaiting({ ...first, code: 'no_runner', detail: 'no runner offers 64 cpus' });
    expect(after(started, queued, waiting, assigned).why).toEqual([
      { at: timeAt(2), position: 2, event: 'JobQueued', because: turn },
      {
        at: timeAt(3),
        position: 3,
        event: 'JobWaiting',
        because: { rule: 'no_runner', detail: 'no runner offers 64 cpus', jobs: [] },
      },
      {
        at: timeAt(4),
        position: 4,
        event: 'JobAssigned',
        because: { rule: 'free slot', detail: 'r1 has a free slot', jobs: [] },
      },
    ]);
  });

  it('keeps only the newest decisions and steps', () => {
    const waits = Array.from({ length: KEPT_ENTRIES + 5 }, (_, n) =>
      JobWaiting({ ...first, code: `code-${n}`, detail: 'x' }),
    );
    const doc = after(started, queued, ...waits);
    expect(doc.why).toHaveLength(KEPT_ENTRIES);
    expect(doc.why.at(-1)!.because.rule).toBe(`code-${KEPT_ENTRIES + 4}`);
  });

  it('has failed when no further attempt follows', () => {
    expect(after(started, queued, assigned, running, failed('script_failure', true))).toMatchObject({
      status: 'failed',
      reason: 'script_failure',
      exitCode: 2,
      finishedAt: timeAt(5),
    });
  });

  it('says whether its failure was allowed, by its exit code for example', () => {
    const allowed = JobFailed({ ...first, reason: 'script_failure', exitCode: 137, allowed: true, final: true });
    expect(after(started, queued, assigned, running, allowed).allowFailure).toBe(true);
    expect(after(started, queued, assigned, running, failed('script_failure', true)).allowFailure).toBe(false);
  });

  it('has timed out when that was the reason', () => {
    expect(after(started, queued, assigned, running, failed('job_timeout', true)).status).toBe('timed_out');
  });

  it('waits again after a failure that is not its last, and forgets it when the next attempt is queued', () => {
    const again = [started, queued, assigned, running, failed('script_failure', false)];
    expect(after(...again)).toMatchObject({ status: 'queued', reason: 'script_failure' });
    expect(after(...again).finishedAt).toBeUndefined();
    const next = after(
      ...again,
      JobRetried({ ...first, attempt: 2, by: 'policy' }),
      JobQueued({ ...first, attempt: 2, priority: 5, because: turn }),
    );
    expect(next).toMatchObject({ status: 'queued', attempt: 2 });
    expect(Object.keys(next)).not.toEqual(expect.arrayContaining(['exitCode']));
    expect(Object.keys(next)).not.toEqual(expect.arrayContaining(['startedAt']));
  });

  it('does not run again because of the late start of an attempt that is over', () => {
    expect(after(started, queued, assigned, JobCancelled({ ...job, attempt: 1 }), running).status).toBe('cancelled');
    const second = JobQueued({ ...first, attempt: 2, priority: 5, because: turn });
    expect(after(started, queued, assigned, second, running).status).toBe('queued');
  });

  it('waits for a person until one starts it', () => {
    const held = JobHeld({ ...job, because: { rule: 'manual', detail: 'when: manual', jobs: [] } });
    expect(after(started, held).status).toBe('manual');
    const played = after(started, held, JobPlayed({ ...job, by: 'admin' }), queued);
    expect(played.status).toBe('queued');
    expect(played.why.map(({ because }) => because.rule)).toEqual(['manual', 'played', 'first stage']);
  });

  it('says when a delayed job starts, and is found by that until it is queued', () => {
    const because = { rule: 'when: delayed', detail: 'it waits 90 s', jobs: [] };
    const delayed = [started, JobDelayed({ ...job, seconds: 90, because })];
    expect(after(...delayed)).toMatchObject({ status: 'delayed', startsAt: timeAt(92), why: [{ because }] });
    expect(indexesOf(COLLECTION.jobs, after(...delayed))).toMatchObject({ byStart: `${timeAt(92)}/p1.0` });
    for (const next of [[JobDue(job), queued], [JobCancelled({ ...job, attempt: 0 })]])
      expect(Object.keys(indexesOf(COLLECTION.jobs, after(...delayed, ...next)))).not.toContain('byStart');
    expect(after(...delayed, JobDue(job), queued)).not.toHaveProperty('startsAt');
  });

  it('waits for its resource group, and is found by that until it is queued', () => {
    const plan = planOf(plannedJob(0, 'deploy', { resourceGroup: 'review/a' }));
    const begun = PipelineStarted({ pipelineId: 'p1', context, plan });
    const because = { rule: 'first stage', detail: 'its stage is the first', jobs: [] };
    const waiting = [begun, JobAwaitsResource({ ...first, projectId: 'pr1', group: 'review/a', because })];
    expect(after(...waiting)).toMatchObject({
      status: 'waiting_for_resource',
      resourceGroup: 'review/a',
      attempt: 1,
      queuedAt: timeAt(2),
      why: [{ because }],
    });
    const indexes = indexesOf(COLLECTION.jobs, after(...waiting));
    expect(indexes).toMatchObject({ byResource: `pr1/review%2Fa/${timeAt(2)}/p1.0` });
    expect(Object.keys(indexes)).not.toContain('byProjectQueue');
    expect(Object.keys(indexesOf(COLLECTION.jobs, after(...waiting, queued)))).not.toContain('byResource');
  });

  it('runs while the pipeline that it has started does, names it if there is one, and is undecided when that goes on', () => {
    const upstream = { ...job, attempt: 1, project: 'ada/engine', depth: 1, budget: 9 };
    const asked = DownstreamRequested({
      ...job,
      attempt: 1,
      downstreamId: 'p2',
      project: context.project,
      of: { kind: 'project', project: 'bob/library' },
      variables: {},
      upstream,
      because: turn,
    });
    expect(after(started, asked)).toMatchObject({
      status: 'running',
      attempt: 1,
      startedAt: timeAt(2),
      downstream: { pipelineId: 'p2', project: 'bob/library' },
    });
    const downstreamFailed = JobFailed({
      ...job,
      attempt: 1,
      reason: 'downstream_failed',
      allowed: false,
      final: true,
    });
    const again = after(started, asked, downstreamFailed, DownstreamReopened({ ...job, attempt: 1 }));
    expect(again).toMatchObject({ status: 'running', downstream: { pipelineId: 'p2' } });
    expect(again).not.toHaveProperty('finishedAt');
    expect(again).not.toHaveProperty('reason');
    const refused = { ...first, downstreamId: 'p2', code: 'not_found', detail: 'there is no project bob/library' };
    expect(after(started, asked, DownstreamRefused(refused))).not.toHaveProperty('downstream');
    const earlier = { ...refused, downstreamId: 'p1b' };
    expect(after(started, asked, DownstreamRefused(earlier))).toHaveProperty('downstream');
  });

  it('is skipped with the jobs that decided it', () => {
    const because = { rule: 'on_success', detail: 'build failed', jobs: ['p1.0'] };
    const skipped = after(started, JobSkipped({ ...job, because }));
    expect(skipped).toMatchObject({ status: 'skipped', why: [{ because }] });
  });

  it('tells what its steps and caches did', () => {
    const step = StepFinished({
      ...attempt,
      index: 0,
      name: 'script',
      outcome: 'success',
      exitCode: 0,
      durationMs: 12,
    });
    const cache = CacheRestored({ ...attempt, key: 'k', result: 'hit', matchedKey: 'k', files: 3, bytes: 90 });
    expect(after(started, queued, cache, step)).toMatchObject({
      steps: [{ attempt: 1, index: 0, name: 'script', outcome: 'success', exitCode: 0, durationMs: 12 }],
      caches: [{ attempt: 1, key: 'k', result: 'hit', matchedKey: 'k', files: 3, bytes: 90 }],
    });
  });

  it('names the sealed log of its newest attempt', () => {
    const sealed = (number: number, bytes: number) =>
      LogSealed({ attemptId: `p1.0.${number}`, ...job, bytes, sha256: 'b'.repeat(64), complete: true });
    expect(after(started, sealed(2, 20), sealed(1, 10)).log).toMatchObject({ attempt: 2, bytes: 20 });
  });

  it('says up to which attempt its output was pruned, and when', () => {
    const because = { rule: 'age', detail: 'its job ended more than 7 days ago' } as const;
    const pruned = (number: number) =>
      LogPruned({ attemptId: `p1.0.${number}`, ...job, bytes: 1, sha256: 'b'.repeat(64), because });
    expect(after(started, pruned(1), pruned(2), pruned(1)).logPruned).toEqual({ attempt: 2, at: timeAt(4) });
  });

  it('tells whether it was asked for by itself', () => {
    const decisions = [{ definition: 'build', created: true, rule: 'submitted', because: 'it was submitted' }];
    const plan = { ...planOf(plannedJob(0, 'build')), decisions };
    expect(after(PipelineStarted({ pipelineId: 'p1', context, plan })).submitted).toBe(true);
    expect(after(started)).not.toHaveProperty('submitted');
  });

  it('does not change when events are delivered twice', () => {
    const twice = [started, started, queued, queued, succeeded, succeeded];
    expect(after(...twice)).toMatchObject({ status: 'success', attempt: 1 });
  });

  it('says where in the log it was queued, what it asks of a runner, and which jobs are like it', () => {
    expect(after(started, queued)).toMatchObject({
      project: 'ada/engine',
      kind: 'build',
      priority: 5,
      requirements: {},
      queuedAt: timeAt(2),
      queuedPosition: 2,
    });
  });

  it('stays unknown when nothing started its pipeline', () => {
    expect(documentAfter(COLLECTION.jobs, 'p1.0', queued, succeeded)).toBeUndefined();
  });
});
