import type { RecordedEvent } from '@foldline/contracts';
import { until, type Sandbox } from '@foldline/client';

const PAGE = 1000;
const SETTLED_MS = 120_000;
const POLL_MS = 500;
/** When a job says that it waits depends on how busy the runners are. */
const OF_THE_MOMENT = new Set(['JobWaiting']);

/** Adds what the log holds beyond these events, as the API tells it. */
export const readOn = async (sandbox: Sandbox, events: RecordedEvent[]): Promise<void> => {
  for (;;) {
    const { items } = await sandbox.client.get<{ items: RecordedEvent[] }>(
      `/api/v1/events?limit=${PAGE}&after=${events.at(-1)?.position ?? 0}`,
    );
    events.push(...items);
    if (items.length < PAGE) return;
  }
};

type Is = (event: RecordedEvent) => boolean;
const is = (...types: readonly string[]): Is => {
  const known = new Set(types);
  return ({ type }) => known.has(type);
};
const deploys: Is = ({ type, data }) => {
  if (type !== 'JobAssigned') return false;
  const { environment } = (data as { job: { environment?: { action?: string } } }).job;
  return environment !== undefined && (environment.action ?? 'start') === 'start';
};

const isDownstream: Is = ({ type, data }) =>
  type === 'DownstreamRefused' || (type === 'PipelineRequested' && 'upstream' in (data as object));

/** What every one of these is followed by, sooner or later. */
const FOLLOWED: readonly [first: Is, then: Is][] = [
  [is('PipelineRequested'), is('PipelinePlanned', 'PlanRejected')],
  [is('DownstreamRequested'), isDownstream],
  [is('PipelinePlanned'), is('PipelineStarted')],
  [is('JobAssigned'), is('AttemptFinished')],
  [is('AttemptFinished'), is('LogSealed')],
  [is('ArtifactUploaded'), is('ArtifactCommitted', 'ArtifactRefused')],
  [is('CacheUploaded'), is('CacheCommitted', 'CacheRefused')],
  [deploys, is('DeploymentStarted')],
  [is('JobLeftResource'), is('ResourceReleased')],
  [is('ResourceGroupConfigured'), is('ProcessModeSet')],
  [is('DeploymentStarted'), is('DeploymentSucceeded', 'DeploymentFailed')],
  [is('DeploymentSucceeded'), is('EnvironmentDeployed')],
  [is('SubscriptionRequested'), is('SubscriptionCreated')],
  [is('NotificationRequested'), is('NotificationDelivered', 'NotificationAbandoned')],
];
const hasEnded = is('PipelineFinished', 'PlanRejected');

/** Reads on until these pipelines have ended, with everything that follows from it. */
export const settled = async (
  sandbox: Sandbox,
  events: RecordedEvent[],
  pipelineIds: readonly string[],
): Promise<void> => {
  await until(
    `what follows from ${pipelineIds.length} pipelines, ${sandbox.topology}`,
    async () => {
      await readOn(sandbox, events);
      const ended = new Set(events.filter(hasEnded).map(({ correlationId }) => correlationId));
      const count = (which: Is): number => events.filter(which).length;
      return pipelineIds.every((id) => ended.has(id)) && FOLLOWED.every(([a, b]) => count(a) === count(b));
    },
    SETTLED_MS,
    POLL_MS,
  );
};

/** What happened to each thing, in order, without what differs from run to run; by stream and, within one, by job. */
export type Story = Record<string, string[]>;

/**
 * The histories of a run as two runs of the same scenarios can be compared: ids, times, digests and sizes of compressed
 * files say nothing, nor does which of several free runners took a job; runners come and go with their processes, and
 * maintenance looks around half a minute after a start. Jobs run side by side, so the order counts among the events of
 * one job. `pipelineIds` are those of each scenario.
 */
export const storyOf = (
  events: readonly RecordedEvent[],
  pipelineIds: readonly (readonly string[])[],
  names: Readonly<Record<string, string>>,
): Story => {
  const normal = normaliser(pipelineIds, names);
  const lists = new Map<string, string[]>();
  for (const event of events) {
    if (/^(?:runner|maintenance)-/.test(event.stream) || OF_THE_MOMENT.has(event.type)) continue;
    const { jobId = '' } = event.data as { jobId?: string };
    const key = `${event.stream} ${jobId}`;
    const told = normal(`${event.type} ${JSON.stringify(withoutChance(event.data))}`);
    lists.set(key, [...(lists.get(key) ?? []), told]);
  }
  return byName(Array.from(lists, ([key, told]) => [normal(key), told] as const));
};

/** Things whose names are made of ids alone have the same name here; they are told apart by what happened to them. */
const byName = (lists: readonly (readonly [string, string[]])[]): Story => {
  const sorted = lists.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  const seen = new Map<string, number>();
  return Object.fromEntries(
    sorted.map(([name, told]) => {
      const n = (seen.get(name) ?? 0) + 1;
      seen.set(name, n);
      return [`${name} ${n}`, told];
    }),
  );
};

/** `start` and `end` are places in a log, which has names of directories and programs of the run in it. */
const CHANCE = new Set('durationMs usage runnerId cluster bytes frames sealed server start end'.split(' '));

const withoutChance = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutChance);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !CHANCE.has(key))
      .map(([key, inner]) => [key, key === 'because' ? ruleOf(inner) : withoutChance(inner)])
      .toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  );
};

/** The words of a decision name the runner and its load. */
const ruleOf = (because: unknown): unknown =>
  typeof because === 'object' && because !== null && 'rule' in because ? because.rule : because;

const normaliser = (
  pipelineIds: readonly (readonly string[])[],
  names: Readonly<Record<string, string>>,
): ((text: string) => string) => {
  const labels = new Map([
    ...Object.entries(names),
    ...pipelineIds.flatMap((ids, n) => ids.map((id, m) => [id, `pipeline-${n + 1}-${m + 1}`] as const)),
  ]);
  return (text) =>
    Array.from(labels)
      .reduce((rest, [name, label]) => rest.replaceAll(name, label), text)
      // Who of both ends of a connection says first that it ends is a matter of luck.
      .replaceAll(/fatal: (?:remote error: |git )upload-pack/g, 'fatal: upload-pack')
      .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uuid>')
      .replaceAll(/\b[0-9a-z]{26}\b/g, '<id>')
      .replaceAll(/\b[0-9a-f]{64}\b|\b[0-9a-f]{40}\b/g, '<digest>')
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/g, '<time>');
};
