import { BOUNDS_PER_DOUBLING, DURATION_BOUNDS_MS, type Durations } from '@foldline/contracts';
import type { Metrics } from './sum-metrics.ts';

export const OPEN_METRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** What is true now, whatever was before. */
export type Now = { waitingJobs: number; readModelPosition: number };

const OUTCOMES = {
  success: 'success',
  failed: 'failed',
  timedOut: 'timed_out',
  cancelled: 'cancelled',
  skipped: 'skipped',
};
type Ends = Record<keyof typeof OUTCOMES, number>;

const headed = (name: string, type: string, help: string, lines: readonly string[]): string[] => [
  `# TYPE ${name} ${type}`,
  `# HELP ${name} ${help}`,
  ...lines,
];

const counter = (name: string, help: string, value: number): string[] =>
  headed(name, 'counter', help, [`${name}_total ${value}`]);

const gauge = (name: string, help: string, value: number): string[] =>
  headed(name, 'gauge', help, [`${name} ${value}`]);

const counters = (
  name: string,
  help: string,
  label: string,
  values: readonly (readonly [string, number])[],
): string[] =>
  headed(
    name,
    'counter',
    help,
    values.map(([value, count]) => `${name}_total{${label}="${value}"} ${count}`),
  );

const ended = (name: string, help: string, ends: Ends): string[] =>
  counters(
    name,
    help,
    'outcome',
    Object.entries(OUTCOMES).map(([key, outcome]) => [outcome, ends[key as keyof Ends]] as const),
  );

/** Of the bounds that are kept each that is twice the one before. */
const histogram = (name: string, help: string, { n, sumMs, at }: Durations): string[] => {
  let seen = 0;
  const lines = DURATION_BOUNDS_MS.flatMap((bound, bucket) => {
    seen += at[bucket] ?? 0;
    return bucket % BOUNDS_PER_DOUBLING === 0 ? [`${name}_bucket{le="${bound / 1000}"} ${seen}`] : [];
  });
  return headed(name, 'histogram', help, [
    ...lines,
    `${name}_bucket{le="+Inf"} ${n}`,
    `${name}_sum ${sumMs / 1000}`,
    `${name}_count ${n}`,
  ]);
};

/** What happened since the beginning, in OpenMetrics text; counters go on over restarts, for the log does. */
export const openMetrics = ({ jobs, pipelines, caches, artifacts }: Metrics, now: Now): string =>
  [
    ...ended('foldline_jobs', 'Jobs that ended', jobs),
    ...counter('foldline_job_retries', 'Attempts that followed another one of their job', jobs.retries),
    ...counter(
      'foldline_flaky_jobs',
      'Jobs that ended well after an attempt had failed at the same commit',
      jobs.flaky,
    ),
    ...histogram('foldline_job_duration_seconds', 'From the start to the end of a job', jobs.ran),
    ...histogram('foldline_job_wait_seconds', 'From when a job was queued to its start', jobs.waited),
    ...counter('foldline_job_cpu_seconds', 'CPU time of jobs, of those of which it is known', jobs.used.cpuMs / 1000),
    ...counter('foldline_job_read_bytes', 'What these jobs read from disks', jobs.used.readBytes),
    ...counter('foldline_job_written_bytes', 'What these jobs wrote to disks', jobs.used.writtenBytes),
    ...ended('foldline_pipelines', 'Pipelines that ended', pipelines),
    ...histogram('foldline_pipeline_duration_seconds', 'From the start to the end of a pipeline', pipelines.took),
    ...counters('foldline_cache_lookups', 'Caches that jobs asked for', 'result', [
      ['hit', caches.hits],
      ['fallback', caches.fallbacks],
      ['miss', caches.misses],
    ]),
    ...counter('foldline_cache_restored_bytes', 'What jobs got from caches', caches.bytesRestored),
    ...counter('foldline_cache_saved_bytes', 'What was put into caches', caches.bytesSaved),
    ...gauge('foldline_cache_entries', 'Entries of caches', caches.saved - caches.removed),
    ...gauge('foldline_cache_bytes', 'Size of the entries of caches', caches.bytesSaved - caches.bytesRemoved),
    ...counter('foldline_artifacts', 'Artifacts that were kept', artifacts.count),
    ...counter('foldline_artifact_bytes', 'Size of the artifacts that were kept', artifacts.bytes),
    ...gauge('foldline_jobs_waiting', 'Jobs that wait for a runner', now.waitingJobs),
    ...gauge('foldline_read_models_position', 'Place in the log that this is read from', now.readModelPosition),
    '# EOF',
    '',
  ].join('\n');
