import type { RecordedEvent } from '@foldline/contracts';
import { until, type Sandbox } from '@foldline/client';

const PAGE = 1000;
/** Runners come and go with their processes, and when a job says that it waits depends on how busy they are. */
const OF_THE_MOMENT = new Set(['JobWaiting']);

/** Every event of the log, as the API tells it. */
export const everyEvent = async (sandbox: Sandbox): Promise<RecordedEvent[]> => {
  const all: RecordedEvent[] = [];
  for (;;) {
    const { items } = await sandbox.client.get<{ items: RecordedEvent[] }>(
      `/api/v1/events?limit=${PAGE}&after=${all.at(-1)?.position ?? 0}`,
    );
    all.push(...items);
    if (items.length < PAGE) return all;
  }
};

/** What every one of these is followed by, sooner or later. */
const FOLLOWED: readonly [first: readonly string[], then: readonly string[]][] = [
  [['AttemptFinished'], ['LogSealed']],
  [['ArtifactUploaded'], ['ArtifactCommitted', 'ArtifactRefused']],
  [['CacheUploaded'], ['CacheCommitted', 'CacheRefused']],
  [['DeploymentStarted'], ['DeploymentSucceeded', 'DeploymentFailed']],
  [['DeploymentSucceeded'], ['EnvironmentDeployed']],
];

/** Resolves when these pipelines have ended, with everything that follows from it. */
export const settled = (sandbox: Sandbox, pipelineIds: readonly string[]): Promise<RecordedEvent[]> =>
  until(`what follows from ${pipelineIds.length} pipelines`, async () => {
    const events = await everyEvent(sandbox);
    const count = (types: readonly string[]): number => events.filter(({ type }) => types.includes(type)).length;
    const hasEnded = (id: string): boolean =>
      events.some(({ type, correlationId }) => correlationId === id && ENDS.includes(type));
    return pipelineIds.every(hasEnded) && FOLLOWED.every(([first, then]) => count(first) === count(then)) && events;
  });

const ENDS = ['PipelineFinished', 'PlanRejected'];

/** What happened to each thing, in order, without what differs from run to run; by stream and, within one, by job. */
export type Story = Record<string, string[]>;

/**
 * The histories of these pipelines as two runs of the same scenarios can be compared: ids, times, digests and sizes of
 * compressed files say nothing, nor does which of several free runners took a job. Jobs run side by side, so the order
 * counts among the events of one job.
 */
export const storyOf = (events: readonly RecordedEvent[], pipelineIds: readonly string[], directory: string): Story => {
  const normal = normaliser(pipelineIds, directory);
  const lists = new Map<string, string[]>();
  for (const event of events) {
    if (!pipelineIds.includes(event.correlationId) || OF_THE_MOMENT.has(event.type)) continue;
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

const CHANCE = new Set(['durationMs', 'runnerId', 'cluster', 'bytes', 'frames']);

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

const normaliser = (pipelineIds: readonly string[], directory: string): ((text: string) => string) => {
  const labels = pipelineIds.map((id, n) => [id, `pipeline-${n + 1}`] as const);
  return (text) =>
    labels
      .reduce((rest, [id, label]) => rest.replaceAll(id, label), text.replaceAll(directory, '<directory>'))
      .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uuid>')
      .replaceAll(/\b[0-9a-z]{26}\b/g, '<id>')
      .replaceAll(/\b[0-9a-f]{64}\b|\b[0-9a-f]{40}\b/g, '<digest>')
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/g, '<time>');
};
