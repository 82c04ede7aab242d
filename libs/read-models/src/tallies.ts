import {
  addTests,
  NO_DURATIONS,
  NO_TESTS,
  withDuration,
  type DeploymentTally,
  type JobDoc,
  type JobTally,
  type Mean,
  type MetricsDoc,
  type Named,
  type NamedTally,
  type TestTally,
  type Used,
} from '@foldline/contracts';

type Usage = NonNullable<JobDoc['usage']>;
export type Outcome = 'success' | 'failed' | 'timedOut' | 'cancelled' | 'skipped';
/** What a job found of the caches that it asked for: all, or not all. */
export type Lookup = 'cached' | 'uncached';

type Of = { name: string; isService: boolean };
/** One thing that is counted. Times are milliseconds. */
export type Measure =
  | {
      kind: 'job';
      name: string;
      stage: string;
      outcome: Outcome;
      isAllowed: boolean;
      isFlaky: boolean;
      ranMs: number | undefined;
      waitedMs: number | undefined;
      lookup: Lookup | undefined;
      usage: JobDoc['usage'] | undefined;
    }
  | { kind: 'retry'; name: string; stage: string }
  | { kind: 'pipeline'; outcome: Outcome; tookMs: number | undefined }
  | { kind: 'lookup'; result: 'hit' | 'fallback' | 'miss'; bytes: number }
  | { kind: 'saved' | 'removed'; bytes: number }
  | { kind: 'artifact'; bytes: number }
  | ({ kind: 'tests' } & Omit<TestTally, 'reports'>)
  | ({ kind: 'deployment'; outcome: 'success' | 'failed' | 'rolledBack' } & Of)
  | { kind: 'lead'; name: string; ms: number }
  | ({ kind: 'restored'; ms: number } & Of);

/** Names that a document keeps apart, of each kind: a document is read and written as a whole. */
export const KEPT_NAMES = 50;

const NO_ENDS = { success: 0, failed: 0, timedOut: 0, cancelled: 0, skipped: 0 };
const NO_MEAN: Mean = { n: 0, sumMs: 0 };
const NO_JOBS: JobTally = {
  ...NO_ENDS,
  allowed: 0,
  retries: 0,
  flaky: 0,
  ran: NO_DURATIONS,
  waited: NO_DURATIONS,
  used: { n: 0, cpuMs: 0, peakMemoryBytes: 0, readBytes: 0, writtenBytes: 0 },
};
const noNamed = (name: string): NamedTally => ({ ...NO_JOBS, name, cached: NO_MEAN, uncached: NO_MEAN });
const noDeployments = ({ name, isService }: Of): DeploymentTally => ({
  name,
  isService,
  success: 0,
  failed: 0,
  rolledBack: 0,
  lead: NO_DURATIONS,
  restored: NO_DURATIONS,
});

export const emptyMetrics = (id: string, scope: string, hour: string): MetricsDoc => ({
  id,
  scope,
  hour,
  jobs: NO_JOBS,
  pipelines: { ...NO_ENDS, took: NO_DURATIONS },
  caches: { hits: 0, fallbacks: 0, misses: 0, bytesRestored: 0, saved: 0, bytesSaved: 0, removed: 0, bytesRemoved: 0 },
  artifacts: { count: 0, bytes: 0, largest: 0 },
  tests: NO_TESTS,
  deployments: { items: [] },
  stages: { items: [] },
  names: { items: [] },
  projects: { items: [] },
});

type JobMeasure = Extract<Measure, { kind: 'job' | 'retry' }>;

const withUsage = (used: Used, { cpuMs, peakMemoryBytes = 0, readBytes = 0, writtenBytes = 0 }: Usage): Used => ({
  n: used.n + 1,
  cpuMs: used.cpuMs + cpuMs,
  peakMemoryBytes: Math.max(used.peakMemoryBytes, peakMemoryBytes),
  readBytes: used.readBytes + readBytes,
  writtenBytes: used.writtenBytes + writtenBytes,
});

const inJobs = <Tally extends JobTally>(tally: Tally, measure: JobMeasure): Tally => {
  if (measure.kind === 'retry') return { ...tally, retries: tally.retries + 1 };
  const { outcome, isAllowed, isFlaky, ranMs, waitedMs, usage } = measure;
  return {
    ...tally,
    [outcome]: tally[outcome] + 1,
    allowed: tally.allowed + Number(isAllowed),
    flaky: tally.flaky + Number(isFlaky),
    ran: ranMs === undefined ? tally.ran : withDuration(tally.ran, ranMs),
    waited: waitedMs === undefined ? tally.waited : withDuration(tally.waited, waitedMs),
    used: usage === undefined ? tally.used : withUsage(tally.used, usage),
  };
};

const inNamedJobs = (named: NamedTally, measure: JobMeasure): NamedTally => {
  const tally = inJobs(named, measure);
  if (measure.kind === 'retry' || measure.outcome !== 'success' || !measure.lookup || measure.ranMs === undefined)
    return tally;
  const { lookup, ranMs } = measure;
  return { ...tally, [lookup]: { n: tally[lookup].n + 1, sumMs: tally[lookup].sumMs + Math.max(0, ranMs) } };
};

/** Changes what has this name, or what there is no more room for by name. */
const inNamed = <Tally extends { name: string }>(
  { items, rest }: Named<Tally>,
  is: (tally: Tally) => boolean,
  empty: (name?: string) => Tally,
  change: (tally: Tally) => Tally,
): Named<Tally> => {
  const known = items.findIndex(is);
  if (known >= 0) return { items: items.with(known, change(items[known]!)), ...(rest ? { rest } : {}) };
  if (items.length < KEPT_NAMES) return { items: [...items, change(empty())], ...(rest ? { rest } : {}) };
  return { items, rest: change(rest ?? empty('')) };
};

const inNamedTallies = (named: Named<NamedTally>, name: string, measure: JobMeasure): Named<NamedTally> =>
  inNamed(
    named,
    (tally) => tally.name === name,
    (other = name) => noNamed(other),
    (tally) => inNamedJobs(tally, measure),
  );

const inDeployments = (
  named: Named<DeploymentTally>,
  of: Of,
  change: (tally: DeploymentTally) => DeploymentTally,
): Named<DeploymentTally> =>
  inNamed(
    named,
    ({ name, isService }) => name === of.name && isService === of.isService,
    (name = of.name) => noDeployments({ ...of, name }),
    change,
  );

/** Which lists of names a document keeps. */
export type Lists = { ofProject: boolean; projectId?: string };

const inJobLists = (doc: MetricsDoc, measure: JobMeasure, { ofProject, projectId }: Lists): MetricsDoc => ({
  ...doc,
  jobs: inJobs(doc.jobs, measure),
  ...(ofProject && {
    stages: inNamedTallies(doc.stages, measure.stage, measure),
    names: inNamedTallies(doc.names, measure.name, measure),
  }),
  ...(projectId !== undefined && { projects: inNamedTallies(doc.projects, projectId, measure) }),
});

const LOOKUPS = { hit: 'hits', fallback: 'fallbacks', miss: 'misses' } as const;

/** The document with one more measure in it. */
export const withMeasure = (doc: MetricsDoc, measure: Measure, lists: Lists): MetricsDoc => {
  const { pipelines, caches, artifacts } = doc;
  switch (measure.kind) {
    case 'job':
    case 'retry':
      return inJobLists(doc, measure, lists);
    case 'pipeline': {
      const { outcome, tookMs } = measure;
      const took = tookMs === undefined ? pipelines.took : withDuration(pipelines.took, tookMs);
      return { ...doc, pipelines: { ...pipelines, [outcome]: pipelines[outcome] + 1, took } };
    }
    case 'lookup': {
      const count = LOOKUPS[measure.result];
      const bytesRestored = caches.bytesRestored + measure.bytes;
      return { ...doc, caches: { ...caches, [count]: caches[count] + 1, bytesRestored } };
    }
    case 'saved':
      return {
        ...doc,
        caches: { ...caches, saved: caches.saved + 1, bytesSaved: caches.bytesSaved + measure.bytes },
      };
    case 'removed':
      return {
        ...doc,
        caches: { ...caches, removed: caches.removed + 1, bytesRemoved: caches.bytesRemoved + measure.bytes },
      };
    case 'artifact': {
      const { count, bytes, largest } = artifacts;
      const added = { count: count + 1, bytes: bytes + measure.bytes, largest: Math.max(largest, measure.bytes) };
      return { ...doc, artifacts: added };
    }
    case 'tests':
      return { ...doc, tests: addTests(doc.tests, { ...measure, reports: 1 }) };
    default:
      return lists.ofProject ? { ...doc, deployments: inDeliveries(doc.deployments, measure) } : doc;
  }
};

type DeliveryMeasure = Extract<Measure, { kind: 'deployment' | 'lead' | 'restored' }>;

const inDeliveries = (named: Named<DeploymentTally>, measure: DeliveryMeasure): Named<DeploymentTally> => {
  switch (measure.kind) {
    case 'deployment':
      return inDeployments(named, measure, (tally) => ({ ...tally, [measure.outcome]: tally[measure.outcome] + 1 }));
    case 'lead':
      return inDeployments(named, { name: measure.name, isService: false }, (tally) => ({
        ...tally,
        lead: withDuration(tally.lead, measure.ms),
      }));
    case 'restored':
      return inDeployments(named, measure, (tally) => ({
        ...tally,
        restored: withDuration(tally.restored, measure.ms),
      }));
  }
};
