import type { ArtifactDoc, JobDoc, PipelineDoc, RunnerDoc } from '@foldline/contracts';
import { known, mean, secondsBetween, share } from './measures.ts';

export type Sample = {
  jobs: readonly JobDoc[];
  pipelines: readonly PipelineDoc[];
  artifacts: readonly ArtifactDoc[];
  runners: readonly RunnerDoc[];
};

const BUSY = new Set(['assigned', 'running', 'finishing']);
const DECIDED = new Set(['success', 'failed', 'timed_out']);

const secondsOf = ({ startedAt, finishedAt }: Pick<JobDoc, 'startedAt' | 'finishedAt'>): number | undefined =>
  secondsBetween(startedAt, finishedAt);

const stageMetrics = (stage: string, jobs: readonly JobDoc[]) => {
  const ended = jobs.filter(({ status }) => DECIDED.has(status));
  return {
    stage,
    jobs: ended.length,
    averageSeconds: mean(known(ended.map(secondsOf))),
    successRate: share(ended.filter(({ status }) => status === 'success').length, ended.length),
  };
};

const byStage = (jobs: readonly JobDoc[]): Map<string, JobDoc[]> => {
  const stages = new Map<string, JobDoc[]>();
  for (const job of jobs) stages.set(job.stage, [...(stages.get(job.stage) ?? []), job]);
  return stages;
};

const cacheMetrics = (jobs: readonly JobDoc[]) => {
  const lookups = jobs.flatMap(({ caches }) => caches);
  const of = (result: string): number => lookups.filter((cache) => cache.result === result).length;
  const hits = of('hit');
  return {
    lookups: lookups.length,
    hits,
    fallbacks: of('fallback'),
    misses: of('miss'),
    hitRate: share(hits, lookups.length),
  };
};

/** Of the latest attempts: how many began in a container that was ready for them (S1-43). */
const containerMetrics = (jobs: readonly JobDoc[]) => {
  const starts = jobs.flatMap(({ container }) => container?.start ?? []);
  const warm = starts.filter((start) => start === 'warm').length;
  return { started: starts.length, warm, cold: starts.length - warm, warmRate: share(warm, starts.length) };
};

/** How a project's pipelines do (S0-62), from the newest of its documents. Rates are 0…1; `null` is "nothing to measure". */
export const metricsOf = ({ jobs, pipelines, artifacts, runners }: Sample) => {
  const decided = pipelines.filter(({ status }) => DECIDED.has(status));
  const kept = artifacts.filter(({ status }) => status !== 'refused');
  const sizes = kept.map(({ bytes }) => bytes);
  const online = runners.filter(({ status }) => status === 'online');
  return {
    sample: { jobs: jobs.length, pipelines: pipelines.length, artifacts: artifacts.length },
    pipelines: {
      successRate: share(decided.filter(({ status }) => status === 'success').length, decided.length),
      averageSeconds: mean(known(decided.map(secondsOf))),
    },
    stages: [...byStage(jobs)].map(([stage, inStage]) => stageMetrics(stage, inStage)),
    cache: cacheMetrics(jobs),
    containers: containerMetrics(jobs),
    artifacts: {
      count: kept.length,
      totalBytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
      averageBytes: mean(sizes),
      largestBytes: sizes.reduce((most, bytes) => Math.max(most, bytes), 0),
    },
    utilization: {
      busyJobs: jobs.filter(({ status }) => BUSY.has(status)).length,
      runners: online.length,
      slots: online.reduce((sum, { offer }) => sum + offer.slots, 0),
    },
  };
};
