import { describe, expect, it } from '@jest/globals';
import {
  ALERT_DEFAULTS,
  alertRulesWith,
  NO_FINDINGS,
  type AlertRuleName,
  type DeploymentDoc,
  type JobDoc,
  type PipelineDoc,
  type ScanDoc,
  type ServiceDeploymentDoc,
} from '@foldline/contracts';
import { judgeRules, NO_SAMPLES, RULES_AT, withFact } from '@foldline/kernel';
import {
  backTest,
  backTestQueue,
  factsOfDeployments,
  factsOfJobs,
  factsOfPipelines,
  factsOfScans,
  inOrder,
  queueSteps,
  type TimedFact,
} from './back-test.ts';

const at = (second: number): string => new Date(Date.UTC(2030, 0, 1, 0, 0, second)).toISOString();
const pipelines = (letters: string, tookMs = 1000): TimedFact[] =>
  [...letters].map((letter, n) => ({
    at: at(n),
    fact: { kind: 'pipeline', id: 'p1', failed: letter === 'f', tookMs },
  }));
const scanOf = (pipelineId: string, second: number, critical: number): ScanDoc => ({
  id: pipelineId,
  projectId: 'pr1',
  jobId: `${pipelineId}.0`,
  kind: 'sast',
  scanner: 'Semgrep',
  job: 'scan',
  place: 'scan',
  sha: 's',
  pipelineId,
  root: pipelineId,
  requestedAt: at(second),
  createdAt: at(second),
  ...NO_FINDINGS,
  critical,
});
const tried = (rule: AlertRuleName, facts: TimedFact[], more: object = {}) =>
  backTest(rule, { ...ALERT_DEFAULTS[rule], ...more }, facts);

describe('a back-test', () => {
  it('tells when the rule would have fired, how far it went and when it would have been over', () => {
    expect(tried('consecutive_failures', pipelines('sffffsfffs'))).toEqual([
      { firedAt: at(3), value: 3, peak: 4, resolvedAt: at(5) },
      { firedAt: at(8), value: 3, peak: 3, resolvedAt: at(9) },
    ]);
    expect(tried('consecutive_failures', pipelines('fffff'))).toMatchObject([{ peak: 5, resolvedAt: null }]);
    expect(tried('consecutive_failures', pipelines('ffffs'), { threshold: 4 })).toEqual([]);
  });

  it('finds for every rule what judging event by event finds', () => {
    const letters = Array.from({ length: 400 }, (_, n) => (n % 80 < 12 ? 'f' : 's'));
    const facts = letters.flatMap((letter, n): TimedFact[] => [
      { at: at(n), fact: { kind: 'job', failed: letter === 'f' } },
      { at: at(n), fact: { kind: 'lookup', hit: n % 120 < 55 } },
      { at: at(n), fact: { kind: 'deployment', name: `e${n % 3}`, failed: letter === 'f' } },
      { at: at(n), fact: { kind: 'scan', scan: scanOf(`p${n}`, n, letter === 'f' ? 1 : 0) } },
      { at: at(n), fact: { kind: 'pipeline', id: `p${n}`, failed: letter === 'f', tookMs: 2000 + ((n * 613) % 6500) } },
    ]);
    for (const rule of [
      'failure_rate',
      'cache_hit_rate',
      'consecutive_failures',
      'slowdown',
      'deployment_failures',
      'critical_vulnerabilities',
    ] as const) {
      const rules = alertRulesWith([{ rule: 'consecutive_failures', threshold: 1 }]);
      let samples = NO_SAMPLES;
      let firing: AlertRuleName[] = [];
      const live: string[] = [];
      for (const { at: time, fact } of facts) {
        samples = withFact(samples, fact);
        if (!RULES_AT[fact.kind].includes(rule)) continue;
        for (const { isFiring } of judgeRules([rule], rules, samples, firing)) {
          live.push(time);
          firing = isFiring ? [rule] : [];
        }
      }
      const found = backTest(rule, rules[rule], facts).flatMap(({ firedAt, resolvedAt }) => [firedAt, resolvedAt]);
      expect(live.length).toBeGreaterThan(1);
      expect({ rule, found: found.filter((time) => time !== null) }).toEqual({ rule, found: live });
    }
  });

  it('tells since when the newest scans have found something critical', () =>
    expect(
      tried(
        'critical_vulnerabilities',
        factsOfScans([scanOf('p1', 1, 0), scanOf('p2', 2, 3), scanOf('p3', 3, 5), scanOf('p4', 4, 0)]),
      ),
    ).toEqual([{ firedAt: at(2), value: 3, peak: 5, resolvedAt: at(4) }]));

  it('looks at a queue as it grew and shrank', () => {
    const job = (from: number, to?: number) =>
      ({ queuedAt: at(from), ...(to === undefined ? {} : { startedAt: at(to) }) }) as JobDoc;
    const steps = inOrder(queueSteps([job(1, 9), job(2, 5), job(3), { id: 'never queued' } as JobDoc]));
    expect(backTestQueue({ ...ALERT_DEFAULTS.queue_depth, threshold: 1 }, steps)).toEqual([
      { firedAt: at(2), value: 2, peak: 3, resolvedAt: at(9) },
    ]);
  });
});

describe('the facts of the past', () => {
  it('are those of jobs and pipelines that ended by themselves', () => {
    const jobs = [
      { status: 'failed', allowFailure: true, finishedAt: at(1), caches: [{ result: 'hit' }, { result: 'fallback' }] },
      { status: 'timed_out', finishedAt: at(2), caches: [] },
      { status: 'cancelled', finishedAt: at(3), caches: [] },
      { status: 'running', caches: [{ result: 'hit' }] },
    ] as unknown as JobDoc[];
    expect(factsOfJobs(jobs).map(({ fact }) => fact)).toEqual([
      { kind: 'lookup', hit: true },
      { kind: 'lookup', hit: false },
      { kind: 'job', failed: false },
      { kind: 'job', failed: true },
    ]);
    const ended = [
      { id: 'p1', status: 'failed', finishedAt: at(1), startedAt: at(0), isOfMainline: true },
      { id: 'p2', status: 'failed', finishedAt: at(2), startedAt: at(0) },
      {
        id: 'p3',
        status: 'success',
        finishedAt: at(9),
        startedAt: at(0),
        isOfMainline: true,
        endedBefore: 'failed',
      },
      { status: 'running' },
    ] as PipelineDoc[];
    expect(factsOfPipelines(ended).map(({ fact }) => fact)).toEqual([
      { kind: 'pipeline', id: 'p1', failed: true, tookMs: 1000 },
      { kind: 'pipeline', id: 'p2' },
      { kind: 'pipeline', id: 'p3', failed: false },
    ]);
  });

  it('are those of deployments, but for cancelled ones', () => {
    const deployment = { environment: 'production', status: 'failed', finishedAt: at(1) };
    const deployments = [deployment, { ...deployment, because: 'cancelled' }] as DeploymentDoc[];
    const service = { service: { number: 1, name: 'shop' }, status: 'success', finishedAt: at(2) };
    const services = [service, { ...service, status: 'failed', isCancelled: true }] as ServiceDeploymentDoc[];
    expect(factsOfDeployments(deployments, services)).toEqual([
      { at: at(1), fact: { kind: 'deployment', name: 'production', failed: true } },
      { at: at(2), fact: { kind: 'deployment', name: 'service shop', failed: false } },
    ]);
  });
});
