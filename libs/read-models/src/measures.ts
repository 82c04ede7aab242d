import {
  CacheRestored,
  DEPLOYMENT_CANCELLED,
  JobRetried,
  TestsReported,
  tookOf,
  type ArtifactDoc,
  type CacheDoc,
  type DeploymentDoc,
  type EnvironmentDoc,
  type JobDoc,
  type JobStatus,
  type PipelineDoc,
  type RecordedEvent,
  type ServiceDeploymentDoc,
} from '@foldline/contracts';
import type { Changed } from '@foldline/kernel';
import type { Lookup, Measure, Outcome } from './tallies.ts';

/** What a change of a document says that is counted: of which project, and what. None where it says nothing new. */
export type Measured = { projectId: string; measures: Measure[] };
const NOTHING: Measured = { projectId: '', measures: [] };

const OUTCOMES: ReadonlyMap<string, Outcome> = new Map([
  ['success', 'success'],
  ['failed', 'failed'],
  ['timed_out', 'timedOut'],
  ['cancelled', 'cancelled'],
  ['skipped', 'skipped'],
]);

/** Milliseconds; absent where one of the two is not known. */
const between = (from: string | undefined, to: string | undefined): number | undefined =>
  from === undefined || to === undefined ? undefined : Date.parse(to) - Date.parse(from);

/** How it ended, if it has ended just now. */
const endedAs = (before: { status: string } | undefined, after: { status: string }): Outcome | undefined =>
  before && OUTCOMES.has(before.status) ? undefined : OUTCOMES.get(after.status);

const lookedUp = ({ caches, attempt }: JobDoc): Lookup | undefined => {
  const own = caches.filter((cache) => cache.attempt === attempt);
  if (own.length === 0) return undefined;
  return own.every(({ result }) => result === 'hit') ? 'cached' : 'uncached';
};

/** Submitted jobs are called what their steps are: no other job has their own name. */
const nameOf = ({ submitted, kind, definition }: JobDoc): string => (submitted ? kind : definition);

const ended = (job: JobDoc, outcome: Outcome): Measure => {
  const { stage, allowFailure, startedAt, queuedAt, finishedAt, ownFailures = 0 } = job;
  return {
    kind: 'job',
    name: nameOf(job),
    stage,
    outcome,
    isAllowed: allowFailure && (outcome === 'failed' || outcome === 'timedOut'),
    isFlaky: outcome === 'success' && ownFailures > 0,
    ranMs: between(startedAt, finishedAt),
    waitedMs: between(queuedAt, startedAt),
    lookup: lookedUp(job),
    usage: job.usage,
  };
};

/** From its commit to where it is used; what a rollback deploys is no change. */
const led = ({ environment, committedAt, finishedAt }: JobDoc): Measure[] => {
  const ms = between(committedAt, finishedAt);
  return environment && ms !== undefined ? [{ kind: 'lead', name: environment.name, ms }] : [];
};

const restored = (event: RecordedEvent): Measure[] => {
  const { result, bytes } = event.data as ReturnType<typeof CacheRestored>['data'];
  return [{ kind: 'lookup', result, bytes }];
};

const reported = (event: RecordedEvent): Measure[] => {
  const { job, tests, failed, errored, skipped, durationMs, slowest } = event.data as ReturnType<
    typeof TestsReported
  >['data'];
  const named = slowest.map((test) => ({ ...test, job }));
  return [{ kind: 'tests', tests, failed, errored, skipped, durationMs, slowest: named }];
};

const FINAL: ReadonlySet<JobStatus> = new Set(['success', 'failed', 'timed_out', 'cancelled', 'skipped']);

export const ofJob = ({ before, after, event }: Changed<JobDoc>): Measured => {
  if (!after) return NOTHING;
  const { projectId, stage } = after;
  if (event.type === JobRetried.type) return { projectId, measures: [{ kind: 'retry', name: nameOf(after), stage }] };
  if (event.type === CacheRestored.type) return { projectId, measures: restored(event) };
  if (event.type === TestsReported.type) return { projectId, measures: reported(event) };
  if (!FINAL.has(after.status)) return NOTHING;
  const outcome = endedAs(before, after);
  if (!outcome) return NOTHING;
  return { projectId, measures: [ended(after, outcome), ...(outcome === 'success' ? led(after) : [])] };
};

export const ofPipeline = ({ before, after }: Changed<PipelineDoc>): Measured => {
  const outcome = after && endedAs(before, after);
  if (!outcome) return NOTHING;
  return { projectId: after.projectId, measures: [{ kind: 'pipeline', outcome, tookMs: tookOf(after) }] };
};

export const ofArtifact = ({ before, after }: Changed<ArtifactDoc>): Measured =>
  before || after?.status !== 'available'
    ? NOTHING
    : { projectId: after.projectId, measures: [{ kind: 'artifact', bytes: after.bytes }] };

/** An entry that is saved again takes the place of what it was. */
export const ofCache = ({ before, after }: Changed<CacheDoc>): Measured => {
  const entry = after ?? before;
  if (!entry || before?.manifestDigest === after?.manifestDigest) return NOTHING;
  const saved: Measure[] = after ? [{ kind: 'saved', bytes: after.bytes }] : [];
  const removed: Measure[] = before ? [{ kind: 'removed', bytes: before.bytes }] : [];
  return { projectId: entry.projectId, measures: [...saved, ...removed] };
};

export const ofDeployment = ({ before, after }: Changed<DeploymentDoc>): Measured => {
  if (!after || after.status === 'deploying' || (before && before.status !== 'deploying')) return NOTHING;
  if (after.because === DEPLOYMENT_CANCELLED) return NOTHING;
  const { projectId, environment: name, status: outcome } = after;
  return { projectId, measures: [{ kind: 'deployment', name, isService: false, outcome }] };
};

export const ofEnvironment = ({ before, after, event }: Changed<EnvironmentDoc>): Measured => {
  const ms = after?.failingSince === undefined ? between(before?.failingSince, event.recordedAt) : undefined;
  if (!after || ms === undefined) return NOTHING;
  return { projectId: after.projectId, measures: [{ kind: 'restored', name: after.name, isService: false, ms }] };
};

/** A deployment that takes another one back is no change of its own: it is how that one failed. */
export const ofServiceDeployment = ({ before, after, event }: Changed<ServiceDeploymentDoc>): Measured => {
  if (!before || !after || before.status === after.status || after.rollback || after.isCancelled) return NOTHING;
  const { projectId, service, status } = after;
  const about = { name: service.name, isService: true } as const;
  if (status === 'success' || status === 'failed')
    return { projectId, measures: [{ kind: 'deployment', ...about, outcome: status }] };
  const ms = between(before.finishedAt, event.recordedAt);
  const measures: Measure[] = [{ kind: 'deployment', ...about, outcome: 'rolledBack' }];
  return { projectId, measures: ms === undefined ? measures : [...measures, { kind: 'restored', ...about, ms }] };
};
