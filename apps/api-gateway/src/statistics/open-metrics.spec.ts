import { describe, expect, it } from '@jest/globals';
import { NO_DURATIONS, withDuration } from '@foldline/contracts';
import { openMetrics } from './open-metrics.ts';
import { NO_METRICS } from './sum-metrics.ts';

const ran = [5, 700, 700, 999_999_999].reduce(withDuration, NO_DURATIONS);
const text = openMetrics(
  { ...NO_METRICS, jobs: { ...NO_METRICS.jobs, success: 3, timedOut: 1, ran } },
  { waitingJobs: 4, readModelPosition: 9 },
);
const lines = text.split('\n');
const buckets = lines.flatMap((line) => {
  const [, bound, count] = /^foldline_job_duration_seconds_bucket\{le="([^"]+)"\} (\d+)$/.exec(line) ?? [];
  return bound === undefined ? [] : [{ bound: bound === '+Inf' ? Infinity : Number(bound), count: Number(count) }];
});

describe('OpenMetrics text', () => {
  it('names each family once before its samples, and ends', () => {
    const families = lines.filter((line) => line.startsWith('# TYPE ')).map((line) => line.split(' ')[2]!);
    expect(new Set(families).size).toBe(families.length);
    let family = '';
    for (const line of lines.slice(0, -2)) {
      if (line.startsWith('# TYPE ')) family = line.split(' ')[2]!;
      else if (!line.startsWith('#'))
        expect(line).toMatch(new RegExp(`^${family}(?:_[a-z]+)?(?:\\{.+\\})? [0-9.e+]+$`));
    }
    expect(lines.slice(-2)).toEqual(['# EOF', '']);
  });

  it('counts what ended, by how', () => {
    expect(text).toContain('foldline_jobs_total{outcome="success"} 3\n');
    expect(text).toContain('foldline_jobs_total{outcome="timed_out"} 1\n');
    expect(text).toContain('foldline_jobs_waiting 4\n');
  });

  it('has buckets that grow and hold all that are not longer', () => {
    expect(buckets.map(({ count }) => count)).toEqual(buckets.map(({ count }) => count).toSorted((a, b) => a - b));
    expect(buckets.at(-1)).toEqual({ bound: Infinity, count: 4 });
    expect(buckets.find(({ bound }) => bound >= 0.7)).toMatchObject({ count: 3 });
    expect(text).toContain(`foldline_job_duration_seconds_sum ${(5 + 700 + 700 + 999_999_999) / 1000}\n`);
  });
});
