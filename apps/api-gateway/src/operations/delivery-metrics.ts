import type { BuildDoc, ServiceDeploymentDoc } from '@foldline/contracts';
import type { BuildStanding } from '../builds/build-standing.ts';
import { known, quantile, secondsBetween, share } from './measures.ts';

const DAY_MS = 24 * 60 * 60_000;
const BUILD_STATUSES = ['queued', 'building', 'success', 'failed'] as const;
const DEPLOYMENT_STATUSES = ['deploying', 'success', 'failed', 'rolled_back'] as const;
/** What was taken back later had succeeded. */
const SUCCEEDED: ReadonlySet<string> = new Set(['success', 'rolled_back']);

/** `from` is included, in RFC 3339, as is every time. */
export type Range = { from: string; to: string };
/** What goes on now: it waits for its turn, or has it. */
export type Queue = { queued: number; running: number };
export type MeasuredBuild = { build: BuildDoc; standing: BuildStanding };

/** A build or a deployment, as far as it is measured. */
type Work = {
  status: string;
  isCancelled: boolean;
  queuedAt: string;
  startedAt?: string | undefined;
  finishedAt?: string | undefined;
};

const ofBuild = ({ build, standing }: MeasuredBuild): Work => ({
  status: standing.status,
  isCancelled: standing.error?.code === 'cancelled',
  queuedAt: standing.queuedAt ?? build.createdAt,
  startedAt: standing.startedAt,
  finishedAt: standing.finishedAt,
});

const ofDeployment = ({ status, error, createdAt, startedAt, finishedAt }: ServiceDeploymentDoc): Work => ({
  status,
  isCancelled: error?.code === 'cancelled',
  queuedAt: createdAt,
  startedAt,
  finishedAt,
});

/** Of those that came to an end by themselves. */
const successRate = (works: readonly Work[]): number | null => {
  const succeeded = works.filter(({ status }) => SUCCEEDED.has(status)).length;
  const failed = works.filter(({ status, isCancelled }) => status === 'failed' && !isCancelled).length;
  return share(succeeded, succeeded + failed);
};

const spread = (values: readonly (number | undefined)[]) => {
  const seconds = known(values);
  return { median: quantile(seconds, 0.5), p95: quantile(seconds, 0.95) };
};

const measured = (works: readonly Work[], statuses: readonly string[]) => ({
  count: works.length,
  byStatus: Object.fromEntries(
    statuses.map((status) => [status, works.filter((work) => work.status === status).length]),
  ),
  cancelled: works.filter(({ isCancelled }) => isCancelled).length,
  successRate: successRate(works),
  queueSeconds: spread(works.map(({ queuedAt, startedAt }) => secondsBetween(queuedAt, startedAt))),
  runSeconds: spread(works.map(({ startedAt, finishedAt }) => secondsBetween(startedAt, finishedAt))),
});

/** How builds do that were asked for in the range. */
export const buildMetrics = (builds: readonly MeasuredBuild[], range: Range, queue: Queue) => ({
  ...range,
  ...measured(builds.map(ofBuild), BUILD_STATUSES),
  queue,
});

const dayOf = (time: string): string => time.slice(0, 'YYYY-MM-DD'.length);

const daysIn = ({ from, to }: Range): string[] => {
  const days: string[] = [];
  for (let at = Date.parse(dayOf(from)); at <= Date.parse(to); at += DAY_MS)
    days.push(dayOf(new Date(at).toISOString()));
  return days;
};

/** How deployments do that were asked for in the range, and how often that is, by days in UTC. */
export const deploymentMetrics = (deployments: readonly ServiceDeploymentDoc[], range: Range, queue: Queue) => {
  const days = (Date.parse(range.to) - Date.parse(range.from)) / DAY_MS;
  const ofDay = new Map(daysIn(range).map((day): [string, ServiceDeploymentDoc[]] => [day, []]));
  for (const deployment of deployments) ofDay.get(dayOf(deployment.createdAt))?.push(deployment);
  return {
    ...range,
    ...measured(deployments.map(ofDeployment), DEPLOYMENT_STATUSES),
    rollbacks: deployments.filter(({ rollback }) => rollback).length,
    perDay: share(deployments.length, days),
    days: Array.from(ofDay, ([day, asked]) => ({
      day,
      deployments: asked.length,
      successRate: successRate(asked.map(ofDeployment)),
    })),
    queue,
  };
};
