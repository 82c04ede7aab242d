import {
  alertRulesWith,
  DEPLOYMENT_CANCELLED,
  tookOf,
  type AlertRule,
  type AlertRuleName,
  type DeploymentDoc,
  type JobDoc,
  type PipelineDoc,
  type ScanDoc,
  type ServiceDeploymentDoc,
} from '@foldline/contracts';
import { isBeyond, judgeRules, NO_SAMPLES, RULES_AT, withFact, type AlertFact } from '@foldline/kernel';

export type TimedFact = { at: string; fact: AlertFact };
/** A job has begun to wait, or does not wait any more. */
export type QueueStep = { at: string; by: 1 | -1 };
/** One time that the rule would have held; `peak` is the value farthest beyond the threshold. */
export type Firing = { firedAt: string; value: number; peak: number; resolvedAt: string | null };

type Judgement = { at: string; isFiring: boolean; value: number };

/** When these facts would have made the rule hold; in their order. */
export const backTest = (name: AlertRuleName, rule: AlertRule, facts: readonly TimedFact[]): Firing[] => {
  const rules = alertRulesWith([{ rule: name, ...rule }]);
  let samples = NO_SAMPLES;
  const judgements = facts.flatMap(({ at, fact }): Judgement[] => {
    samples = withFact(samples, fact);
    if (!RULES_AT[fact.kind].includes(name)) return [];
    // Of what holds already there is no news; asked as if it did not, the rule tells by how much it does.
    const [held] = judgeRules([name], rules, samples, []);
    return [{ at, isFiring: held !== undefined, value: held?.value ?? 0 }];
  });
  return firingsIn(name, judgements);
};

/** The same of jobs that wait. The rule is judged by the clock, so what lasted for less than that may have gone unseen. */
export const backTestQueue = ({ threshold, enabled }: AlertRule, steps: readonly QueueStep[]): Firing[] => {
  let waiting = 0;
  const judgements = steps.map(({ at, by }): Judgement => {
    waiting += by;
    return { at, isFiring: enabled && isBeyond('queue_depth', waiting, threshold), value: waiting };
  });
  return firingsIn('queue_depth', judgements);
};

const firingsIn = (name: AlertRuleName, judgements: readonly Judgement[]): Firing[] => {
  const firings: Firing[] = [];
  let current: Firing | undefined;
  for (const { at, isFiring, value } of judgements) {
    if (!isFiring) {
      if (current) current.resolvedAt = at;
      current = undefined;
    } else if (current) {
      if (isBeyond(name, value, current.peak)) current.peak = value;
    } else {
      firings.push((current = { firedAt: at, value, peak: value, resolvedAt: null }));
    }
  }
  return firings;
};

const FAILED = new Set(['failed', 'timed_out']);

const failedOf = ({ status }: { status: string }): boolean | undefined =>
  status === 'success' ? false : FAILED.has(status) ? true : undefined;

/** By their times; what came of a job before what came of its pipeline. */
export const inOrder = <Timed extends { at: string }>(facts: readonly Timed[]): Timed[] =>
  facts.toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));

export const factsOfJobs = (jobs: readonly JobDoc[]): TimedFact[] =>
  jobs.flatMap((job) => {
    const failed = failedOf(job);
    const { finishedAt: at, allowFailure } = job;
    if (at === undefined) return [];
    const lookups = job.caches.map(({ result }): TimedFact => ({
      at,
      fact: { kind: 'lookup', hit: result === 'hit' },
    }));
    return failed === undefined
      ? lookups
      : [...lookups, { at, fact: { kind: 'job' as const, failed: failed && !allowFailure } }];
  });

export const factsOfPipelines = (pipelines: readonly PipelineDoc[]): TimedFact[] =>
  pipelines.flatMap((pipeline) => {
    const { id, finishedAt: at, isOfMainline } = pipeline;
    if (at === undefined) return [];
    const failed = isOfMainline ? failedOf(pipeline) : undefined;
    const tookMs = tookOf(pipeline);
    const took = tookMs === undefined ? {} : { tookMs };
    return [{ at, fact: { kind: 'pipeline', id, ...(failed === undefined ? {} : { failed, ...took }) } }];
  });

export const factsOfScans = (scans: readonly ScanDoc[]): TimedFact[] =>
  scans.map(({ createdAt: at, ...scan }) => ({ at, fact: { kind: 'scan', scan } }));

export const factsOfDeployments = (
  deployments: readonly DeploymentDoc[],
  services: readonly ServiceDeploymentDoc[],
): TimedFact[] => [
  ...deployments.flatMap((deployment) =>
    deployment.because === DEPLOYMENT_CANCELLED ? [] : factOf(deployment, deployment.environment),
  ),
  ...services.flatMap((deployment) =>
    deployment.isCancelled ? [] : factOf(deployment, `service ${deployment.service.name}`),
  ),
];

const factOf = (
  { status, finishedAt }: Pick<DeploymentDoc | ServiceDeploymentDoc, 'status' | 'finishedAt'>,
  name: string,
): TimedFact[] =>
  finishedAt === undefined ? [] : [{ at: finishedAt, fact: { kind: 'deployment', name, failed: status === 'failed' } }];

/** Since when each of them waited, and until when. */
export const queueSteps = (jobs: readonly JobDoc[]): QueueStep[] =>
  jobs.flatMap(({ queuedAt, startedAt, finishedAt }): QueueStep[] => {
    if (queuedAt === undefined) return [];
    const until = startedAt ?? finishedAt;
    return [{ at: queuedAt, by: 1 }, ...(until === undefined ? [] : [{ at: until, by: -1 } as const])];
  });
