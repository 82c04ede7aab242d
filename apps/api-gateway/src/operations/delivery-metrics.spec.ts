import { describe, expect, it } from '@jest/globals';
import type { ServiceDeploymentDoc } from '@foldline/contracts';
import { buildMetrics, deploymentMetrics, type MeasuredBuild } from './delivery-metrics.ts';

const at = (day: number, seconds = 0): string => new Date(Date.UTC(2030, 0, day) + seconds * 1000).toISOString();
const range = { from: at(1, 3600), to: at(3, 3600) };
const idle = { queued: 0, running: 0 };

type Standing = MeasuredBuild['standing'];
const build = (
  status: Standing['status'],
  waited?: number,
  ran?: number,
  more: Partial<Standing> = {},
): MeasuredBuild => ({
  build: { createdAt: at(2) } as MeasuredBuild['build'],
  standing: {
    status,
    progress: 0,
    queuedAt: at(2, 10),
    ...(waited !== undefined && { startedAt: at(2, 10 + waited) }),
    ...(waited !== undefined && ran !== undefined && { finishedAt: at(2, 10 + waited + ran) }),
    ...more,
  },
});
const deployment = (day: number, status: ServiceDeploymentDoc['status'], more: Partial<ServiceDeploymentDoc> = {}) =>
  ({
    createdAt: at(day, 7200),
    startedAt: at(day, 7201),
    finishedAt: at(day, 7205),
    status,
    ...more,
  }) as ServiceDeploymentDoc;

describe('the metrics of builds', () => {
  it('tell how many there were, how many succeeded and how long they took', () => {
    const builds = [
      build('success', 1, 10),
      build('success', 3, 20),
      build('failed', 2, 5),
      build('failed', undefined, undefined, { error: { code: 'commit-unavailable', message: 'no answer' } }),
      build('building', 4),
      build('queued'),
    ];
    expect(buildMetrics(builds, range, { queued: 7, running: 2 })).toEqual({
      ...range,
      count: 6,
      byStatus: { queued: 1, building: 1, success: 2, failed: 2 },
      cancelled: 0,
      successRate: 0.5,
      queueSeconds: { median: 2, p95: 4 },
      runSeconds: { median: 10, p95: 20 },
      queue: { queued: 7, running: 2 },
    });
  });

  it('do not count what somebody cancelled as a failure', () => {
    const error = { code: 'cancelled', message: 'the build was cancelled' };
    const metrics = buildMetrics([build('success', 1, 1), build('failed', 1, 1, { error })], range, idle);
    expect(metrics).toMatchObject({ cancelled: 1, successRate: 1, byStatus: { failed: 1 } });
  });

  it('take the wait of the newest attempt alone', () => {
    const again = build('success', 1, 1, { queuedAt: at(9), startedAt: at(9, 5), finishedAt: at(9, 6) });
    expect(buildMetrics([again], range, idle).queueSeconds.median).toBe(5);
  });

  it('say that there is nothing to measure', () =>
    expect(buildMetrics([], range, idle)).toMatchObject({
      count: 0,
      successRate: null,
      queueSeconds: { median: null, p95: null },
      runSeconds: { median: null, p95: null },
    }));
});

describe('the metrics of deployments', () => {
  const metrics = deploymentMetrics(
    [
      deployment(3, 'success', { rollback: { of: 'd', to: 1 }, createdAt: at(3) }),
      deployment(2, 'rolled_back'),
      deployment(2, 'failed', { error: { code: 'port_taken', message: 'no' } }),
      deployment(2, 'failed', { error: { code: 'cancelled', message: 'no' } }),
    ],
    range,
    { queued: 1, running: 1 },
  );

  it('tell how often it is deployed, day by day, also on days without', () => {
    expect(metrics.perDay).toBe(2);
    expect(metrics.days).toEqual([
      { day: '2030-01-01', deployments: 0, successRate: null },
      { day: '2030-01-02', deployments: 3, successRate: 0.5 },
      { day: '2030-01-03', deployments: 1, successRate: 1 },
    ]);
  });

  it('count what was taken back as a success, and what takes back', () =>
    expect(metrics).toMatchObject({
      count: 4,
      byStatus: { deploying: 0, success: 1, failed: 2, rolled_back: 1 },
      cancelled: 1,
      rollbacks: 1,
      successRate: 0.6667,
      queue: { queued: 1, running: 1 },
      runSeconds: { median: 4, p95: 4 },
    }));
});
