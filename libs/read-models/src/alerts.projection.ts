import {
  AlertFired,
  AlertResolved,
  AlertRulesSet,
  alertRulesWith,
  CacheRestored,
  COLLECTION,
  tookOf,
  type AlertDoc,
  type AlertRuleName,
  type AlertWatchDoc,
  type EnvironmentDoc,
  type JobDoc,
  type PipelineDoc,
  type RecordedEvent,
  type ScanDoc,
  type ServiceDeploymentDoc,
} from '@foldline/contracts';
import {
  defineProjection,
  judgeRules,
  NO_SAMPLES,
  RULES_AT,
  SAMPLED_RULES,
  when,
  whenChanged,
  withFact,
  type AlertFact,
  type Changed,
  type Document,
  type Following,
} from '@foldline/kernel';

/** Transitions that a document keeps; whoever records them is never so far behind. */
const KEPT_TRANSITIONS = 50;

const emptyWatch = (id: string): AlertWatchDoc => ({
  id,
  ...NO_SAMPLES,
  overrides: [],
  firing: [],
  transitions: [],
  count: 0,
});

const judged = (watch: AlertWatchDoc, names: readonly AlertRuleName[], at: string): AlertWatchDoc => {
  const changed = judgeRules(names, alertRulesWith(watch.overrides), watch, watch.firing);
  if (changed.length === 0) return watch;
  const transitions = changed.map((each, n) => ({ number: watch.count + n + 1, ...each, at }));
  const begun = changed.filter(({ isFiring }) => isFiring).map(({ rule }) => rule);
  const over = new Set(changed.filter(({ isFiring }) => !isFiring).map(({ rule }) => rule));
  return {
    ...watch,
    firing: [...watch.firing.filter((rule) => !over.has(rule)), ...begun],
    transitions: [...watch.transitions, ...transitions].slice(-KEPT_TRANSITIONS),
    count: watch.count + changed.length,
  };
};

type Told = { projectId: string; fact: AlertFact };

/** What is told about a project is looked at by its rules, and those whose turn it is are judged. */
const watching = <Source extends Document>(
  collection: string,
  tell: (changed: Changed<Source>) => Told | undefined,
): Following<AlertWatchDoc> =>
  whenChanged<AlertWatchDoc, Source>(
    collection,
    (changed) => {
      const told = tell(changed);
      return told ? [told.projectId] : [];
    },
    (doc, changed, id) => {
      const { fact } = tell(changed)!;
      const watch = doc ?? emptyWatch(id);
      return judged({ ...watch, ...withFact(samplesOf(watch), fact) }, RULES_AT[fact.kind], changed.event.recordedAt);
    },
  );

const samplesOf = ({ jobs, lookups, pipelines, tookMs, failing, scans }: AlertWatchDoc) => ({
  jobs,
  lookups,
  pipelines,
  tookMs,
  failing,
  scans,
});

/** Of a job or a pipeline that ended by itself: whether it failed. */
const failedOf = (before: { status: string } | undefined, { status }: { status: string }): boolean | undefined => {
  if (before?.status === status) return undefined;
  if (status === 'success') return false;
  return status === 'failed' || status === 'timed_out' ? true : undefined;
};

const lookedUp = ({ data }: RecordedEvent): boolean =>
  (data as ReturnType<typeof CacheRestored>['data']).result === 'hit';

/** A failure that was allowed is none. */
const ofJob = ({ before, after, event }: Changed<JobDoc>): Told | undefined => {
  if (!after) return undefined;
  const { projectId, allowFailure } = after;
  if (event.type === CacheRestored.type) return { projectId, fact: { kind: 'lookup', hit: lookedUp(event) } };
  const failed = failedOf(before, after);
  return failed === undefined ? undefined : { projectId, fact: { kind: 'job', failed: failed && !allowFailure } };
};

const ofPipeline = ({ before, after }: Changed<PipelineDoc>): Told | undefined => {
  if (after?.finishedAt === undefined || after.finishedAt === before?.finishedAt) return undefined;
  const { id, projectId, endedBefore, isOfMainline } = after;
  const isNews = isOfMainline && after.status !== endedBefore;
  const failed = isNews ? failedOf(before, after) : undefined;
  const tookMs = tookOf(after);
  const took = tookMs === undefined ? {} : { tookMs };
  return { projectId, fact: { kind: 'pipeline', id, ...(failed === undefined ? {} : { failed, ...took }) } };
};

const ofEnvironment = ({ before, after }: Changed<EnvironmentDoc>): Told | undefined => {
  const failed = after?.failingSince !== undefined;
  if (!after || failed === (before?.failingSince !== undefined)) return undefined;
  return { projectId: after.projectId, fact: { kind: 'deployment', name: after.name, failed } };
};

const ofService = ({ before, after }: Changed<ServiceDeploymentDoc>): Told | undefined => {
  if (!before || !after || before.status === after.status || after.isCancelled) return undefined;
  const { projectId, service, status } = after;
  return {
    projectId,
    fact: { kind: 'deployment', name: `service ${service.name}`, failed: status === 'failed' },
  };
};

const ofScan = ({ before, after }: Changed<ScanDoc>): Told | undefined => {
  if (before || !after) return undefined;
  const { id: _id, jobId: _jobId, createdAt: _createdAt, projectId, ...scan } = after;
  return { projectId, fact: { kind: 'scan', scan } };
};

export const alertWatchesProjection = defineProjection<AlertWatchDoc>(
  COLLECTION.alertWatches,
  ({ id }) => ({ byId: id }),
  [
    when(
      AlertRulesSet,
      ({ projectId }) => projectId,
      (doc, { data, recordedAt }, id) =>
        judged({ ...(doc ?? emptyWatch(id)), overrides: data.rules }, SAMPLED_RULES, recordedAt),
    ),
  ],
  [
    watching(COLLECTION.jobs, ofJob),
    watching(COLLECTION.pipelines, ofPipeline),
    watching(COLLECTION.environments, ofEnvironment),
    watching(COLLECTION.serviceDeployments, ofService),
    watching(COLLECTION.scans, ofScan),
  ],
);

/** `firing`: only those that go on, by rule. */
export const alertsProjection = defineProjection<AlertDoc>(
  COLLECTION.alerts,
  ({ id, projectId, rule, status, firedAt }) => ({
    byProject: `${projectId}/${firedAt}/${id}`,
    byTime: `${firedAt}/${id}`,
    ...(status === 'firing' ? { firing: `${rule}/${projectId}/${id}` } : {}),
  }),
  [
    when(
      AlertFired,
      ({ alertId }) => alertId,
      (doc, { data }) => {
        const { alertId: id, projectId, rule, value, threshold, count, at } = data;
        return doc ?? { id, projectId, rule, status: 'firing', value, threshold, count, firedAt: at };
      },
    ),
    when(
      AlertResolved,
      ({ alertId }) => alertId,
      (doc, { data }) => doc && { ...doc, status: 'resolved', resolvedAt: data.at },
    ),
  ],
);
