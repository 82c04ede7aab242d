import {
  addDurations,
  addTests,
  NO_DURATIONS,
  NO_TESTS,
  type DeploymentTally,
  type JobTally,
  type Mean,
  type MetricsDoc,
  type Named,
  type NamedTally,
  type Used,
} from '@foldline/contracts';

/** What of a document adds up. */
export type Metrics = Omit<MetricsDoc, 'id' | 'scope' | 'hour'>;

const NO_ENDS = { success: 0, failed: 0, timedOut: 0, cancelled: 0, skipped: 0 };

const NOTHING_USED: Used = { n: 0, cpuMs: 0, peakMemoryBytes: 0, readBytes: 0, writtenBytes: 0 };

export const NO_METRICS: Metrics = {
  jobs: { ...NO_ENDS, allowed: 0, retries: 0, flaky: 0, ran: NO_DURATIONS, waited: NO_DURATIONS, used: NOTHING_USED },
  pipelines: { ...NO_ENDS, took: NO_DURATIONS },
  caches: { hits: 0, fallbacks: 0, misses: 0, bytesRestored: 0, saved: 0, bytesSaved: 0, removed: 0, bytesRemoved: 0 },
  artifacts: { count: 0, bytes: 0, largest: 0 },
  tests: NO_TESTS,
  deployments: { items: [] },
  stages: { items: [] },
  names: { items: [] },
  projects: { items: [] },
};

/** Adds up what both have by the same name: numbers. */
const added = <Counts extends object>(one: Counts, other: Counts): Counts => {
  const sum = { ...one } as Record<string, unknown>;
  for (const [name, value] of Object.entries(other))
    if (typeof value === 'number') sum[name] = (sum[name] as number) + value;
  return sum as Counts;
};

const addJobs = <Tally extends JobTally>(one: Tally, other: Tally): Tally => ({
  ...added(one, other),
  ran: addDurations(one.ran, other.ran),
  waited: addDurations(one.waited, other.waited),
  used: {
    ...added(one.used, other.used),
    peakMemoryBytes: Math.max(one.used.peakMemoryBytes, other.used.peakMemoryBytes),
  },
});

const addMeans = (one: Mean, other: Mean): Mean => added(one, other);

const addNamedJobs = (one: NamedTally, other: NamedTally): NamedTally => ({
  ...addJobs(one, other),
  cached: addMeans(one.cached, other.cached),
  uncached: addMeans(one.uncached, other.uncached),
});

const addDeployments = (one: DeploymentTally, other: DeploymentTally): DeploymentTally => ({
  ...added(one, other),
  lead: addDurations(one.lead, other.lead),
  restored: addDurations(one.restored, other.restored),
});

const addNamed = <Tally extends { name: string; isService?: boolean }>(
  one: Named<Tally>,
  other: Named<Tally>,
  add: (one: Tally, other: Tally) => Tally,
): Named<Tally> => {
  const items = new Map<string, Tally>();
  for (const tally of [...one.items, ...other.items]) {
    const key = `${tally.isService === true}/${tally.name}`;
    const known = items.get(key);
    items.set(key, known ? add(known, tally) : tally);
  }
  const rest = one.rest && other.rest ? add(one.rest, other.rest) : (one.rest ?? other.rest);
  return { items: [...items.values()], ...(rest ? { rest } : {}) };
};

/** What was measured in all of them. */
export const sumMetrics = (docs: readonly Metrics[]): Metrics =>
  docs.reduce(
    (sum, doc): Metrics => ({
      jobs: addJobs(sum.jobs, doc.jobs),
      pipelines: { ...added(sum.pipelines, doc.pipelines), took: addDurations(sum.pipelines.took, doc.pipelines.took) },
      caches: added(sum.caches, doc.caches),
      artifacts: {
        ...added(sum.artifacts, doc.artifacts),
        largest: Math.max(sum.artifacts.largest, doc.artifacts.largest),
      },
      tests: addTests(sum.tests, doc.tests),
      deployments: addNamed(sum.deployments, doc.deployments, addDeployments),
      stages: addNamed(sum.stages, doc.stages, addNamedJobs),
      names: addNamed(sum.names, doc.names, addNamedJobs),
      projects: addNamed(sum.projects, doc.projects, addNamedJobs),
    }),
    NO_METRICS,
  );
