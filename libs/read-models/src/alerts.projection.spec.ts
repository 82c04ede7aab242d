import { describe, expect, it } from '@jest/globals';
import {
  AlertFired,
  AlertResolved,
  AlertRulesSet,
  COLLECTION,
  DeploymentFailed,
  EnvironmentCreated,
  EnvironmentDeployed,
  JobFailed,
  NO_FINDINGS,
  PipelineFinished,
  PipelineReopened,
  PipelineRequested,
  PipelineStarted,
  VulnerabilitiesReported,
  type AlertDoc,
  type AlertWatchDoc,
  type NewEvent,
} from '@foldline/contracts';
import { sampleContext as context, plannedJob, planOf } from '@foldline/testing';
import { documentAfter, indexesOf, timeAt } from './history.fixture.ts';

const watch = (...events: NewEvent[]): AlertWatchDoc =>
  documentAfter<AlertWatchDoc>(COLLECTION.alertWatches, 'pr1', ...events)!;
const { project, source, projectVariables, secrets, variables } = context;

/** A pipeline with one job, which ends in the status. */
const pipeline = (id: string, status: 'success' | 'failed', branch = 'main'): NewEvent[] => {
  const ref = { ...context.ref, name: branch };
  const of = { ...context, pipelineId: id, ref };
  const plan = planOf(plannedJob(0, 'build'), plannedJob(1, 'lint', { allowFailure: true }));
  const failed = (index: number) =>
    JobFailed({
      pipelineId: id,
      jobId: `${id}.${index}`,
      attempt: 1,
      reason: 'script_failure',
      allowed: index === 1,
      final: true,
    });
  return [
    PipelineRequested({ pipelineId: id, project, ref, source, variables, projectVariables, secrets }),
    PipelineStarted({ pipelineId: id, context: of, plan }),
    failed(1),
    ...(status === 'failed' ? [failed(0)] : []),
    PipelineFinished({ pipelineId: id, status, context: of }),
  ];
};
const scan = (pipelineId: string, critical: number, more: { ofDefaultBranch?: true; place?: string } = {}): NewEvent =>
  VulnerabilitiesReported({
    attemptId: `${pipelineId}.0.1`,
    pipelineId,
    jobId: `${pipelineId}.0`,
    attempt: 1,
    projectId: 'pr1',
    sha: 's',
    job: 'scan',
    place: 'scan',
    kind: 'container_scanning',
    scanner: 'Trivy',
    ...NO_FINDINGS,
    critical,
    root: pipelineId,
    requestedAt: pipelineId,
    ...more,
  });
const threeFailures = ['p1', 'p2', 'p3'].flatMap((id) => pipeline(id, 'failed'));

describe('how the rules of a project stand', () => {
  it('follows the ends of its jobs and of the pipelines of its default branch', () => {
    const doc = watch(...pipeline('p1', 'failed'), ...pipeline('p2', 'failed', 'topic'), ...pipeline('p3', 'success'));
    expect(doc).toMatchObject({ jobs: 'sfsfs', pipelines: 'fs', tookMs: [2000], firing: [], transitions: [] });
  });

  it('takes no notice of how long submitted jobs take, nor of how many fail one after the other', () => {
    const [request, ...rest] = pipeline('p1', 'failed') as [ReturnType<typeof PipelineRequested>, ...NewEvent[]];
    const steps = [{ name: 'Test', run: 'npm test' }];
    const submission = { id: 'j1', steps, env: {}, timeout: 600, priority: 5, retries: 3 };
    const doc = watch({ ...request, data: { ...request.data, submission } }, ...rest);
    expect(doc).toMatchObject({ jobs: 'sf', pipelines: '', tookMs: [] });
  });

  it('changes with the event that a rule begins to hold at, and with the one after which it does not', () => {
    const { firing, transitions, count } = watch(...threeFailures);
    expect(firing).toEqual(['consecutive_failures']);
    const first = { number: 1, rule: 'consecutive_failures', isFiring: true, value: 3, threshold: 2, count: 3 };
    expect(transitions).toEqual([{ ...first, at: timeAt(15) }]);
    expect(count).toBe(1);
    expect(watch(...threeFailures, ...pipeline('p4', 'success'))).toMatchObject({
      firing: [],
      transitions: [first, { number: 2, rule: 'consecutive_failures', isFiring: false, value: 0, at: timeAt(19) }],
    });
  });

  it('hears of a pipeline once, however often jobs of it are run again, unless it ends otherwise', () => {
    const again = (id: string, status: 'success' | 'failed' | 'cancelled'): NewEvent[] => [
      PipelineReopened({ pipelineId: id, jobId: `${id}.0` }),
      PipelineFinished({ pipelineId: id, status, context: { ...context, pipelineId: id } }),
    ];
    const failed = [...pipeline('p1', 'success'), ...pipeline('p2', 'failed'), ...again('p2', 'failed')];
    expect(watch(...failed)).toMatchObject({ pipelines: 'sf', tookMs: [2000] });
    expect(watch(...failed, ...again('p2', 'success'))).toMatchObject({ pipelines: 'sfs', tookMs: [2000] });
    const cancelled = [...failed, ...again('p2', 'cancelled')];
    expect(watch(...cancelled, ...again('p2', 'failed'))).toMatchObject({ pipelines: 'sf' });
  });

  it('is judged anew when somebody wants other rules', () => {
    const set = AlertRulesSet({ projectId: 'pr1', rules: [{ rule: 'consecutive_failures', threshold: 3 }] });
    expect(watch(...threeFailures, set)).toMatchObject({ firing: [], count: 2, overrides: set.data.rules });
    expect(watch(set, ...threeFailures)).toMatchObject({ firing: [], count: 0 });
  });

  it('changes with what scans of the default branch find, before their pipeline ends', () => {
    const doc = watch(...pipeline('p1', 'success'), scan('p2', 2, { ofDefaultBranch: true }));
    expect(doc).toMatchObject({ firing: ['critical_vulnerabilities'], scans: [{ scanner: 'Trivy', critical: 2 }] });
    expect(doc.transitions).toMatchObject([{ rule: 'critical_vulnerabilities', value: 2, count: 1 }]);
    expect(watch(scan('p2', 2))).toBeUndefined();
  });

  it('is over with the scan that finds nothing critical, or the end of a pipeline without the job that did', () => {
    const bad = scan('p1', 2, { ofDefaultBranch: true, place: 'gone' });
    const good = scan('p2', 0, { ofDefaultBranch: true, place: 'new' });
    expect(watch(bad, bad, scan('p2', 0, { ofDefaultBranch: true, place: 'gone' }))).toMatchObject({ count: 2 });
    expect(watch(bad, good)).toMatchObject({ firing: ['critical_vulnerabilities'] });
    expect(watch(bad, good, ...pipeline('p2', 'success'))).toMatchObject({ firing: [], scans: [{ place: 'new' }] });
  });

  it('changes with deployments', () => {
    const environment = { environmentId: 'e1', projectId: 'pr1', name: 'production' };
    const of = { deploymentId: 'd1', environment: 'production', pipelineId: 'p1', jobId: 'p1.0', because: 'no' };
    const failed = DeploymentFailed({ ...of, environmentId: 'e1', projectId: 'pr1' });
    const deployed = EnvironmentDeployed({ ...environment, deploymentId: 'd2', sha: 's', ref: 'main' });
    const created = EnvironmentCreated(environment);
    expect(watch(created, failed, failed)).toMatchObject({ firing: ['deployment_failures'], failing: ['production'] });
    expect(watch(created, failed, deployed, deployed)).toMatchObject({ firing: [], failing: [], count: 2 });
  });
});

describe('an alert', () => {
  const told = { alertId: 'pr1.1', projectId: 'pr1', project: 'ada/engine', rule: 'failure_rate' as const };
  const fired = AlertFired({ ...told, value: 12, threshold: 10, count: 50, at: timeAt(-5), number: 1 });
  const resolved = AlertResolved({ ...told, value: 8, threshold: 10, count: 50, at: timeAt(-2), number: 2 });
  const after = (...events: NewEvent[]) => documentAfter<AlertDoc>(COLLECTION.alerts, 'pr1.1', ...events)!;

  it('goes on until it is resolved', () => {
    expect(after(fired)).toMatchObject({ status: 'firing', value: 12, firedAt: timeAt(-5) });
    expect(indexesOf(COLLECTION.alerts, after(fired))).toHaveProperty('firing', 'failure_rate/pr1/pr1.1');
    expect(after(fired, resolved)).toMatchObject({ status: 'resolved', value: 12, resolvedAt: timeAt(-2) });
    expect(indexesOf(COLLECTION.alerts, after(fired, resolved))).not.toHaveProperty('firing');
  });
});
