import { describe, expect, it } from '@jest/globals';
import { NO_DURATIONS, withDuration, type NamedTally } from '@foldline/contracts';
import { instanceFigures, projectFigures } from './figures.ts';
import { NO_METRICS, sumMetrics, type Metrics } from './sum-metrics.ts';

const tally = (name: string, more: Partial<NamedTally> = {}): NamedTally => ({
  ...NO_METRICS.jobs,
  name,
  cached: { n: 0, sumMs: 0 },
  uncached: { n: 0, sumMs: 0 },
  ...more,
});
const withNames = (items: NamedTally[], rest?: NamedTally): Metrics => ({
  ...NO_METRICS,
  names: { items, ...(rest ? { rest } : {}) },
});

describe('figures', () => {
  it('are percents to one digit, and nothing where there is nothing to measure', () => {
    expect(instanceFigures(NO_METRICS)).toMatchObject({
      totalJobs: 0,
      successRate: null,
      avgDuration: null,
      cacheHitRate: null,
      duration: { count: 0, p50Ms: null, p95Ms: null, maxMs: null },
    });
    const jobs = { ...NO_METRICS.jobs, success: 2, failed: 1, cancelled: 4, skipped: 9 };
    expect(instanceFigures({ ...NO_METRICS, jobs })).toMatchObject({ totalJobs: 7, successRate: 66.7 });
  });

  it('name what there is most of, and the rest without a name', () => {
    const many = Array.from({ length: 150 }, (_, n) => tally(`job ${n}`, { success: n }));
    const { jobNames } = projectFigures(withNames(many, tally('', { failed: 3 })));
    expect(jobNames).toHaveLength(101);
    expect(jobNames[0]).toMatchObject({ name: 'job 149', totalJobs: 149 });
    expect(jobNames.at(-1)).toMatchObject({ name: null, failed: 3 });
  });

  it('tell which jobs are flaky, the worst first', () => {
    const jobs = [
      tally('a', { success: 4, flaky: 1 }),
      tally('b', { success: 9 }),
      tally('c', { success: 5, flaky: 3 }),
    ];
    expect(projectFigures(withNames(jobs, tally('', { success: 8, flaky: 2 }))).flaky).toEqual([
      { name: 'c', flaky: 3, totalJobs: 5, rate: 60 },
      { name: null, flaky: 2, totalJobs: 8, rate: 25 },
      { name: 'a', flaky: 1, totalJobs: 4, rate: 25 },
    ]);
  });

  it('tell what caches saved where jobs ran with and without them', () => {
    const jobs = [
      tally('both', { cached: { n: 3, sumMs: 3000 }, uncached: { n: 2, sumMs: 10_000 } }),
      tally('slower', { cached: { n: 1, sumMs: 9000 }, uncached: { n: 1, sumMs: 5000 } }),
      tally('never', { uncached: { n: 2, sumMs: 10_000 } }),
    ];
    const { jobNames, caches } = projectFigures(withNames(jobs));
    expect(jobNames.map(({ timeSavedMs }) => timeSavedMs)).toEqual([12_000, 0, null]);
    expect(caches.timeSavedMs).toBe(12_000);
  });
});

describe('the sum of hours', () => {
  it('is what was counted in all of them, by name', () => {
    const ran = (ms: number) => withDuration(NO_DURATIONS, ms);
    const one = withNames([tally('a', { success: 1, ran: ran(10) }), tally('b', { failed: 1 })]);
    const other = withNames([tally('a', { success: 2, ran: ran(30) })], tally('', { failed: 5 }));
    const artifacts = (largest: number) => ({ count: 1, bytes: largest, largest });
    const sum = sumMetrics([
      { ...one, artifacts: artifacts(7) },
      { ...other, artifacts: artifacts(5) },
    ]);
    expect(sum.artifacts).toEqual({ count: 2, bytes: 12, largest: 7 });
    expect(sum.names.items).toMatchObject([
      { name: 'a', success: 3, ran: { n: 2, sumMs: 40 } },
      { name: 'b', failed: 1 },
    ]);
    expect(sum.names.rest).toMatchObject({ failed: 5 });
    expect(NO_METRICS.names.items).toEqual([]);
  });

  it('keeps a service apart from an environment of its name', () => {
    const of = (isService: boolean) => ({
      name: 'shop',
      isService,
      success: 1,
      failed: 0,
      rolledBack: 0,
      lead: NO_DURATIONS,
      restored: NO_DURATIONS,
    });
    const hour = { ...NO_METRICS, deployments: { items: [of(true), of(false)] } };
    expect(sumMetrics([hour, hour]).deployments.items).toMatchObject([
      { isService: true, success: 2 },
      { isService: false, success: 2 },
    ]);
  });
});
