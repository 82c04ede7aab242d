import { describe, expect, it } from '@jest/globals';
import type { ArtifactDoc, JobDoc, PipelineDoc, RunnerDoc } from '@foldline/contracts';
import { metricsOf } from './metrics.ts';

const at = (seconds: number): string => new Date(Date.UTC(2030, 0, 1) + seconds * 1000).toISOString();
const job = (
  stage: string,
  status: JobDoc['status'],
  seconds: number,
  caches: string[] = [],
  start?: 'warm' | 'cold',
) =>
  ({
    stage,
    status,
    startedAt: at(0),
    finishedAt: at(seconds),
    caches: caches.map((result) => ({ attempt: 1, key: 'k', result, files: 0, bytes: 0 })),
    ...(start && { container: { attempt: 1, start, images: [] } }),
  }) as unknown as JobDoc;
const pipeline = (status: PipelineDoc['status']) => ({ status, startedAt: at(0), finishedAt: at(10) }) as PipelineDoc;

describe('the metrics of a project', () => {
  it('are the averages, rates and sizes of what ended', () => {
    const metrics = metricsOf({
      jobs: [
        job('build', 'success', 4, ['hit', 'miss'], 'cold'),
        job('build', 'failed', 8, ['fallback', 'hit'], 'warm'),
        job('test', 'running', 1),
      ],
      pipelines: [pipeline('success'), pipeline('success'), pipeline('failed'), pipeline('cancelled')],
      artifacts: [{ bytes: 10 }, { bytes: 30 }, { bytes: 0, status: 'refused' }] as ArtifactDoc[],
      runners: [
        { status: 'online', offer: { slots: 4 } },
        { status: 'lost', offer: { slots: 8 } },
      ] as RunnerDoc[],
    });
    expect(metrics.stages).toEqual([
      { stage: 'build', jobs: 2, averageSeconds: 6, successRate: 0.5 },
      { stage: 'test', jobs: 0, averageSeconds: null, successRate: null },
    ]);
    expect(metrics.pipelines).toEqual({ successRate: 0.6667, averageSeconds: 10 });
    expect(metrics.cache).toEqual({ lookups: 4, hits: 2, fallbacks: 1, misses: 1, hitRate: 0.5 });
    expect(metrics.containers).toEqual({ started: 2, warm: 1, cold: 1, warmRate: 0.5 });
    expect(metrics.artifacts).toEqual({ count: 2, totalBytes: 40, averageBytes: 20, largestBytes: 30 });
    expect(metrics.utilization).toEqual({ busyJobs: 1, runners: 1, slots: 4 });
  });

  it('say that there is nothing to measure', () => {
    const metrics = metricsOf({ jobs: [], pipelines: [], artifacts: [], runners: [] });
    expect(metrics.pipelines).toEqual({ successRate: null, averageSeconds: null });
    expect(metrics.cache.hitRate).toBeNull();
  });
});
