import { describe, expect, it } from '@jest/globals';
import {
  ArtifactCommitted,
  AttemptFinished,
  AttemptStarted,
  CacheCommitted,
  CachePruned,
  CacheRestored,
  COLLECTION,
  DEPLOYMENT_CANCELLED,
  DeploymentFailed,
  DeploymentStarted,
  DeploymentSucceeded,
  EnvironmentCreated,
  EnvironmentDeployed,
  JobCancelled,
  JobFailed,
  JobQueued,
  JobRetried,
  JobSkipped,
  JobSucceeded,
  NO_DURATIONS,
  PipelineFinished,
  PipelineReopened,
  PipelineRequested,
  PipelineStarted,
  ServiceDeploymentAdvanced,
  ServiceDeploymentFailed,
  ServiceDeploymentRequested,
  ServiceDeploymentRolledBack,
  ServiceDeploymentSucceeded,
  withDuration,
  type MetricsDoc,
  type NewEvent,
} from '@foldline/contracts';
import { DocumentFold } from '@foldline/kernel';
import { sampleContext as context, plannedJob, planOf } from '@foldline/testing';
import { documentAfter, history, timeAt } from './history.fixture.ts';
import { READ_MODELS } from './read-models.ts';
import { KEPT_NAMES } from './tallies.ts';

/** All that the history's first hour holds; its events lie a second apart. */
const HOUR = '2030-01-01T00';
const of = (scope: string, hour: string, ...events: NewEvent[]): MetricsDoc =>
  documentAfter<MetricsDoc>(COLLECTION.metrics, `${scope}/${hour}`, ...events)!;
const measured = (...events: NewEvent[]): MetricsDoc => of('pr1', HOUR, ...events);

const because = { rule: 'r', detail: 'd', jobs: [] };
const content = { manifestDigest: 'd'.repeat(64), files: 2 };
const started = PipelineStarted({
  pipelineId: 'p1',
  context: { ...context, commit: { author: 'a', at: timeAt(-600) } },
  plan: planOf(
    plannedJob(0, 'compile'),
    plannedJob(1, 'unit', { allowFailure: true }),
    plannedJob(2, 'ship', { environment: { name: 'production' } }),
  ),
});
const job = (index = 0, attempt = 1) => ({ pipelineId: 'p1', jobId: `p1.${index}`, attempt });
const queued = (index?: number, attempt?: number) => JobQueued({ ...job(index, attempt), priority: 5, because });
const running = (index?: number, attempt?: number) =>
  AttemptStarted({
    ...job(index, attempt),
    attemptId: `p1.${index ?? 0}.${attempt ?? 1}`,
    runnerId: 'r1',
    executor: 'process',
  });
const succeeded = (index?: number, attempt?: number) => JobSucceeded(job(index, attempt));
const failed = (index?: number, more: { final?: boolean; reason?: 'script_failure' | 'runner_lost' } = {}) =>
  JobFailed({ ...job(index), reason: 'script_failure', allowed: index === 1, final: true, ...more });
const durations = (...ms: number[]) => ms.reduce(withDuration, NO_DURATIONS);

describe('what is measured of jobs', () => {
  it('is how they ended, how long they ran and how long they waited', () => {
    const { jobs } = measured(
      started,
      queued(),
      running(),
      succeeded(),
      queued(1),
      running(1),
      failed(1),
      JobCancelled(job(2)),
    );
    expect(jobs).toEqual({
      success: 1,
      failed: 1,
      timedOut: 0,
      cancelled: 1,
      skipped: 0,
      allowed: 1,
      retries: 0,
      flaky: 0,
      ran: durations(1000, 1000),
      waited: durations(1000, 1000),
      used: { n: 0, cpuMs: 0, peakMemoryBytes: 0, readBytes: 0, writtenBytes: 0 },
    });
  });

  it('is told of their project and of all, in the hour of their end and ever', () => {
    const events = [started, queued(), running(), succeeded()];
    for (const [scope, hour] of [
      ['pr1', HOUR],
      ['all', HOUR],
      ['all', 'ever'],
    ] as const)
      expect(of(scope, hour, ...events).jobs).toMatchObject({ success: 1, ran: durations(1000) });
    expect(of('pr1', '2030-01-01T01', ...events)).toBeUndefined();
  });

  it('is told by stage and by name in the definition, and over all by project', () => {
    const events = [started, queued(), running(), succeeded(), queued(1), running(1), failed(1)];
    const project = measured(...events);
    expect(project.names.items.map(({ name, success, failed: no }) => [name, success, no])).toEqual([
      ['compile', 1, 0],
      ['unit', 0, 1],
    ]);
    expect(project.stages.items).toHaveLength(1);
    expect(project.projects.items).toEqual([]);
    expect(of('all', HOUR, ...events).projects.items).toMatchObject([{ name: 'pr1', success: 1, failed: 1 }]);
    expect(of('all', HOUR, ...events).names.items).toEqual([]);
    expect(of('all', 'ever', ...events).projects.items).toEqual([]);
  });

  it('is what those used of which it is known, by the end of their last attempt', () => {
    const ended = (attempt: number, usage?: object) =>
      AttemptFinished({
        ...job(0, attempt),
        attemptId: `p1.0.${attempt}`,
        runnerId: 'r1',
        outcome: 'success',
        durationMs: 1,
        commits: [],
        ...(usage ? { usage: { cpuMs: 40, ...usage } } : {}),
      });
    const again = [JobRetried({ ...job(0, 2), by: 'policy' }), queued(0, 2), running(0, 2)];
    const first = [started, queued(), running(), ended(1, { peakMemoryBytes: 9 })];
    expect(measured(...first, succeeded()).names.items[0]).toMatchObject({
      used: { n: 1, cpuMs: 40, peakMemoryBytes: 9, readBytes: 0 },
    });
    expect(measured(...first, ...again, ended(1, {}), ended(2), succeeded(0, 2)).jobs.used.n).toBe(0);
  });

  it('names so many of them, and adds up the rest', () => {
    const names = Array.from({ length: KEPT_NAMES + 3 }, (_, n) => (n === 7 ? '__proto__' : `job ${n}`));
    const plan = planOf(...names.map((name, n) => plannedJob(n, name)));
    const ends = names.map((_, n) => JobSkipped({ ...job(n), because }));
    const { names: kept } = measured(PipelineStarted({ pipelineId: 'p1', context, plan }), ...ends);
    expect(kept.items).toHaveLength(KEPT_NAMES);
    expect(kept.items[7]).toMatchObject({ name: '__proto__', skipped: 1 });
    expect(kept.rest).toMatchObject({ name: '', skipped: 3 });
  });

  it('has the names of the steps of a submitted job, whose own nobody else has', () => {
    const steps = ['Install', 'Test'].map((name) => ({ kind: 'run' as const, name, command: 'true', environment: {} }));
    const decisions = [{ definition: 'build-123', created: true, rule: 'submitted', because: 'so' }];
    const plan = { ...planOf(plannedJob(0, 'build-123', { steps })), decisions };
    const { names } = measured(PipelineStarted({ pipelineId: 'p1', context, plan }), queued(), running(), succeeded());
    expect(names.items).toMatchObject([{ name: 'Install, Test', success: 1 }]);
  });

  it('is counted again when a person retries what had ended', () => {
    const again = JobRetried({ ...job(0, 2), by: 'user' });
    const { jobs } = measured(started, queued(), running(), failed(), again, queued(0, 2), running(0, 2), succeeded());
    expect(jobs).toMatchObject({ success: 1, failed: 1, retries: 1 });
  });

  it('is flaky when it succeeds after it had failed by itself, and not when its runner was lost', () => {
    const again = JobRetried({ ...job(0, 2), by: 'policy' });
    const after = (reason: 'script_failure' | 'runner_lost') =>
      measured(
        started,
        queued(),
        running(),
        failed(0, { final: false, reason }),
        again,
        running(0, 2),
        succeeded(0, 2),
      );
    expect(after('script_failure').jobs).toMatchObject({ success: 1, failed: 0, flaky: 1 });
    expect(after('runner_lost').jobs).toMatchObject({ success: 1, flaky: 0 });
    expect(after('script_failure').names.items[0]).toMatchObject({ name: 'compile', flaky: 1 });
  });

  it('is not flaky for ever', () => {
    const again = (attempt: number) => JobRetried({ ...job(0, attempt), by: 'user' });
    const { jobs } = measured(started, failed(), again(2), succeeded(0, 2), again(3), succeeded(0, 3));
    expect(jobs).toMatchObject({ success: 2, flaky: 1 });
  });

  it('is the same when an event that says nothing new comes again', () =>
    expect(measured(started, succeeded(), succeeded()).jobs).toMatchObject({ success: 1 }));
});

describe('what is measured of caches and artifacts', () => {
  const lookedUp = (result: 'hit' | 'fallback' | 'miss', index = 0) =>
    CacheRestored({ ...job(index), attemptId: `p1.${index}.1`, key: 'k', result, files: 1, bytes: 10 });

  it('is what was found and kept, and how much it was', () => {
    const cache = {
      ...content,
      pipelineId: 'p1',
      projectId: 'pr1',
      jobId: 'p1.0',
      scope: 'protected',
      key: 'k',
    } as const;
    const artifact = { ...content, pipelineId: 'p1', projectId: 'pr1', jobId: 'p1.0', attempt: 1, name: 'dist' };
    const events = [
      started,
      queued(),
      lookedUp('hit'),
      lookedUp('fallback'),
      lookedUp('miss'),
      CacheCommitted({ ...cache, cacheId: 'c1', bytes: 30 }),
      ArtifactCommitted({ ...artifact, artifactId: 'a1', kind: 'archive', bytes: 7 }),
      ArtifactCommitted({ ...artifact, artifactId: 'a2', kind: 'archive', bytes: 5 }),
    ];
    const { caches, artifacts } = measured(...events);
    expect(caches).toEqual({
      hits: 1,
      fallbacks: 1,
      misses: 1,
      bytesRestored: 30,
      saved: 1,
      bytesSaved: 30,
      removed: 0,
      bytesRemoved: 0,
    });
    expect(artifacts).toEqual({ count: 2, bytes: 12, largest: 7 });
    expect(of('pr1', 'ever', ...events).caches).toEqual(caches);
  });

  it('is of a cache that was saved again what it is now, and nothing of one that is gone', () => {
    const cache = {
      ...content,
      pipelineId: 'p1',
      projectId: 'pr1',
      scope: 'protected',
      key: 'k',
      cacheId: 'c1',
    } as const;
    const saved = (jobId: string, manifestDigest: string, bytes: number) =>
      CacheCommitted({ ...cache, jobId, manifestDigest, bytes });
    const [one, two] = ['1'.repeat(64), '2'.repeat(64)] as const;
    const again = [saved('p1.0', one, 30), saved('p2.0', two, 50), saved('p2.0', two, 50)];
    expect(measured(started, ...again).caches).toMatchObject({
      saved: 2,
      bytesSaved: 80,
      removed: 1,
      bytesRemoved: 30,
    });
    const because = { rule: 'unused', detail: 'for 30 days' } as const;
    const pruned = CachePruned({ ...cache, manifestDigest: two, bytes: 50, because });
    expect(measured(started, ...again, pruned).caches).toMatchObject({
      saved: 2,
      bytesSaved: 80,
      removed: 2,
      bytesRemoved: 80,
    });
  });

  it('is how long a job runs with everything that it looked for, and without', () => {
    const [found, missed] = [lookedUp('hit'), lookedUp('miss', 1)];
    const ran = [queued(), running(), found, succeeded()];
    const { names } = measured(started, ...ran, queued(1), running(1), missed, succeeded(1));
    expect(names.items).toMatchObject([
      { cached: { n: 1, sumMs: 2000 }, uncached: { n: 0 } },
      { cached: { n: 0 }, uncached: { n: 1 } },
    ]);
  });
});

describe('what is measured of pipelines and deployments', () => {
  it('is how pipelines ended and how long they took', () => {
    const requested = PipelineRequested({
      pipelineId: 'p1',
      project: context.project,
      ref: context.ref,
      source: 'api',
      variables: {},
      projectVariables: [],
      secrets: [],
    });
    const finished = PipelineFinished({ pipelineId: 'p1', status: 'timed_out', context });
    const ended = [requested, started, queued(), finished];
    expect(measured(...ended).pipelines).toMatchObject({ timedOut: 1, success: 0, took: durations(2000) });
    // Nobody worked on it in between.
    const again = [PipelineReopened({ pipelineId: 'p1', jobId: 'p1.0' }), finished];
    expect(measured(...ended, ...again).pipelines).toMatchObject({ timedOut: 2, took: durations(2000) });
  });

  const environment = { environmentId: 'e1', projectId: 'pr1', name: 'production' };
  const deployment = (id: string) => ({
    deploymentId: id,
    environmentId: 'e1',
    projectId: 'pr1',
    environment: 'production',
    pipelineId: 'p1',
    jobId: 'p1.2',
  });
  const begun = (id: string) => DeploymentStarted({ ...deployment(id), sha: 's', ref: 'main' });
  const deployed = (id: string) => EnvironmentDeployed({ ...environment, deploymentId: id, sha: 's', ref: 'main' });

  it('is how deployments to an environment ended, and how long one that failed was not made good', () => {
    const { deployments } = measured(
      EnvironmentCreated(environment),
      begun('d1'),
      DeploymentFailed({ ...deployment('d1'), because: 'no' }),
      begun('d2'),
      DeploymentFailed({ ...deployment('d2'), because: 'no' }),
      begun('d3'),
      DeploymentSucceeded(deployment('d3')),
      deployed('d3'),
      deployed('d3'),
    );
    expect(deployments.items).toEqual([
      {
        name: 'production',
        isService: false,
        success: 1,
        failed: 2,
        rolledBack: 0,
        lead: NO_DURATIONS,
        restored: durations(5000),
      },
    ]);
  });

  it('is nothing of a deployment that was cancelled', () => {
    const cancelled = [begun('d1'), DeploymentFailed({ ...deployment('d1'), because: DEPLOYMENT_CANCELLED })];
    const events = [EnvironmentCreated(environment), ...cancelled, begun('d2'), DeploymentSucceeded(deployment('d2'))];
    const { deployments } = measured(...events, deployed('d2'));
    expect(deployments.items).toMatchObject([{ name: 'production', success: 1, failed: 0, restored: NO_DURATIONS }]);
  });

  it('is how long it takes from a commit to its deployment', () => {
    const { deployments } = measured(started, queued(2), running(2), succeeded(2));
    expect(deployments.items).toMatchObject([{ name: 'production', lead: durations(604_000) }]);
  });

  it('is what was deployed of services, and what was taken back', () => {
    const wanted = (id: string, rollback?: { of: string; to: number }) =>
      ServiceDeploymentRequested({
        deploymentId: id,
        serviceId: 's1',
        number: 1,
        service: { number: 1, name: 'shop' },
        project: context.project,
        projectNumber: 1,
        imageTag: 'v1',
        images: ['shop:v1'],
        ...(rollback ? { rollback } : {}),
        run: { ports: [], environment: {}, healthCheck: { timeoutSeconds: 1 } },
        projectVariables: [],
      });
    const about = (deploymentId: string) => ({ deploymentId, serviceId: 's1' });
    const ran = (id: string) =>
      ServiceDeploymentSucceeded({ ...about(id), number: 1, image: 'shop:v1', imageId: 'sha256:1' });
    const { deployments } = measured(
      wanted('d1'),
      ServiceDeploymentAdvanced({ ...about('d1'), phase: 'image' }),
      ran('d1'),
      wanted('d2'),
      ServiceDeploymentFailed({ ...about('d2'), code: 'port_taken', because: 'no' }),
      wanted('d3', { of: 'd1', to: 1 }),
      ran('d3'),
      ServiceDeploymentRolledBack({ ...about('d1'), by: 'd3' }),
    );
    expect(deployments.items).toMatchObject([
      { name: 'shop', isService: true, success: 1, failed: 1, rolledBack: 1, restored: durations(5000) },
    ]);
  });
});

it('What is measured is the same in whatever steps it is folded', () => {
  const events = history(started, queued(), running(), succeeded(), queued(1), running(1), failed(1));
  const folds = [new DocumentFold(READ_MODELS), new DocumentFold(READ_MODELS.toReversed())];
  for (const fold of folds) for (const event of events) fold.apply(event);
  expect(folds[0]!.documents.get(COLLECTION.metrics)).toEqual(folds[1]!.documents.get(COLLECTION.metrics));
});
