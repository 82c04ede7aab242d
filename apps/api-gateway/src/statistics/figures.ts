import {
  meanMs,
  quantileMs,
  type ArtifactTally,
  type CacheTally,
  type Durations,
  type JobTally,
  type MetricsDoc,
  type Named,
  type NamedTally,
  type PipelineTally,
  type Used,
} from '@foldline/contracts';
import type { Metrics } from './sum-metrics.ts';

/** Names that an answer tells apart, those with the most jobs; the others are added up. */
const SHOWN_NAMES = 100;

/** 0…100, to one digit; `null` is "nothing to measure". */
export const percent = (part: number, whole: number): number | null =>
  whole === 0 ? null : Math.round((part / whole) * 1000) / 10;

/** Milliseconds. */
export const spreadOf = (durations: Durations) => ({
  count: durations.n,
  averageMs: meanMs(durations),
  p50Ms: quantileMs(durations, 0.5),
  p95Ms: quantileMs(durations, 0.95),
  maxMs: durations.n === 0 ? null : durations.maxMs,
});

type Ends = Pick<JobTally, 'success' | 'failed' | 'timedOut' | 'cancelled' | 'skipped'>;

/** All that ended, but for what never began because nothing was left to do. */
export const totalOf = ({ success, failed, timedOut, cancelled }: Ends): number =>
  success + failed + timedOut + cancelled;

/** Of those that came to an end by themselves. */
export const successRateOf = ({ success, failed, timedOut }: Ends): number | null =>
  percent(success, success + failed + timedOut);

const endsOf = ({ success, failed, timedOut, cancelled, skipped }: Ends) => ({
  success,
  failed,
  timedOut,
  cancelled,
  skipped,
});

const jobFigures = (jobs: JobTally) => ({
  ...endsOf(jobs),
  allowedFailures: jobs.allowed,
  retries: jobs.retries,
  flaky: jobs.flaky,
});

const pipelineFigures = (pipelines: PipelineTally) => ({
  total: totalOf(pipelines),
  ...endsOf(pipelines),
  successRate: successRateOf(pipelines),
  duration: spreadOf(pipelines.took),
});

export const hitRateOf = ({ hits, fallbacks, misses }: CacheTally): number | null =>
  percent(hits, hits + fallbacks + misses);

const artifactFigures = ({ count, bytes, largest }: ArtifactTally) => ({
  count,
  bytes,
  averageBytes: count === 0 ? null : Math.round(bytes / count),
  largestBytes: largest,
});

export const cacheFigures = (caches: CacheTally) => ({
  hits: caches.hits,
  fallbacks: caches.fallbacks,
  misses: caches.misses,
  hitRate: hitRateOf(caches),
  bytesRestored: caches.bytesRestored,
  entriesSaved: caches.saved,
  bytesSaved: caches.bytesSaved,
});

/** What jobs have used, of those of which it is known. */
const usedFigures = ({ n, cpuMs, peakMemoryBytes, readBytes, writtenBytes }: Used) => ({
  jobs: n,
  cpuMs: Math.round(cpuMs),
  averageCpuMs: n === 0 ? null : Math.round(cpuMs / n),
  peakMemoryBytes: peakMemoryBytes === 0 ? null : peakMemoryBytes,
  readBytes,
  writtenBytes,
});

/** The four numbers of seed 001, of whatever is counted in the way of jobs. */
const seedFigures = (jobs: JobTally) => ({
  totalJobs: totalOf(jobs),
  successRate: successRateOf(jobs),
  avgDuration: meanMs(jobs.ran),
});

/**
 * What jobs of this name would have run longer, had none found its caches: as many as found them, each by how much those
 * that found them were faster on average. `null` where only one of the two was seen.
 */
const savedMsOf = ({ cached, uncached }: NamedTally): number | null =>
  cached.n === 0 || uncached.n === 0
    ? null
    : Math.max(0, Math.round(cached.n * (uncached.sumMs / uncached.n - cached.sumMs / cached.n)));

const namedFigures = (tally: NamedTally) => ({
  ...seedFigures(tally),
  ...jobFigures(tally),
  duration: spreadOf(tally.ran),
  queueTime: spreadOf(tally.waited),
  resources: usedFigures(tally.used),
});

/** The name of what has no name of its own any more. */
const OTHERS = null;

const shown = <Shown extends object>({ items, rest }: Named<NamedTally>, show: (tally: NamedTally) => Shown) => {
  const sorted = items.toSorted((a, b) => totalOf(b) - totalOf(a));
  const named = sorted.slice(0, SHOWN_NAMES).map((tally) => ({ name: tally.name as string | null, ...show(tally) }));
  return rest ? [...named, { name: OTHERS, ...show(rest) }] : named;
};

/** `GET /metrics?range=`: seed 001, and what else there is to say of all projects. */
export const instanceFigures = ({ jobs, pipelines, caches, artifacts, projects }: Metrics) => ({
  ...seedFigures(jobs),
  cacheHitRate: hitRateOf(caches),
  jobs: jobFigures(jobs),
  duration: spreadOf(jobs.ran),
  queueTime: spreadOf(jobs.waited),
  resources: usedFigures(jobs.used),
  pipelines: pipelineFigures(pipelines),
  caches: cacheFigures(caches),
  artifacts: artifactFigures(artifacts),
  projects: shown(projects, namedFigures),
});

const flakyOf = ({ items, rest }: Named<NamedTally>) =>
  [...items, ...(rest ? [{ ...rest, name: OTHERS }] : [])]
    .filter(({ flaky }) => flaky > 0)
    .toSorted((a, b) => b.flaky - a.flaky)
    .slice(0, SHOWN_NAMES)
    .map(({ name, flaky, ...tally }) => ({
      name,
      flaky,
      totalJobs: totalOf(tally),
      rate: percent(flaky, totalOf(tally)),
    }));

const totalSavedMs = ({ items }: Named<NamedTally>): number | null => {
  const known = items.map(savedMsOf).filter((saved) => saved !== null);
  return known.length === 0 ? null : known.reduce((sum, saved) => sum + saved, 0);
};

/** The same of one project, by stages and jobs. */
export const projectFigures = ({ jobs, pipelines, caches, artifacts, tests, stages, names }: Metrics) => ({
  ...seedFigures(jobs),
  cacheHitRate: hitRateOf(caches),
  jobs: jobFigures(jobs),
  duration: spreadOf(jobs.ran),
  queueTime: spreadOf(jobs.waited),
  resources: usedFigures(jobs.used),
  pipelines: pipelineFigures(pipelines),
  stages: shown(stages, namedFigures),
  jobNames: shown(names, (tally) => ({ ...namedFigures(tally), timeSavedMs: savedMsOf(tally) })),
  flaky: flakyOf(names),
  caches: { ...cacheFigures(caches), timeSavedMs: totalSavedMs(names) },
  artifacts: artifactFigures(artifacts),
  tests,
});

/** The hours in which something happened, in their order. */
export const series = (hours: readonly MetricsDoc[]) =>
  hours.map(({ hour, jobs, caches }) => ({
    hour: `${hour}:00:00.000Z`,
    ...seedFigures(jobs),
    cacheHitRate: hitRateOf(caches),
    ...endsOf(jobs),
  }));
