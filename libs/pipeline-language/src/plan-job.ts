import type { ArtifactSpec, CacheSpec, PlannedJob, PlannedStep, RunnerRequirements } from '@foldline/contracts';
import type { Definition, JobDefinition } from './definition.ts';
import { present } from './grammar/present.ts';
import { takes } from './keywords/inherit.ts';
import type { JobSettings } from './keywords/job-keywords.ts';
import type { ArtifactSource, Links } from './needs.ts';
import { plannedTrigger } from './plan-trigger.ts';
import type { Ranges } from './plan.ts';
import { copiesOf, type Selected } from './selected.ts';

const defaultTimeoutSeconds = 3600;
const defaultPriority = 5;

/** A planned job without what makes its copies different. */
export type JobTemplate = Omit<PlannedJob, 'index' | 'name' | 'matrix' | 'node'>;

export const planTemplate = (
  job: JobDefinition,
  definition: Definition,
  { needs, artifactsFrom, filesFrom = new Map() }: Links,
  ranges: Ranges,
): JobTemplate => {
  const { name, stage, settings, marks } = job;
  const indexesFrom = (sources: readonly ArtifactSource[]): number[] =>
    sources.flatMap((source) => sourceIndexes(source, ranges));
  const trigger = plannedTrigger(
    job,
    Object.fromEntries([...filesFrom].map(([name, sources]) => [name, indexesFrom(sources)])),
  );
  const waitsFor = needs?.flatMap(({ job, entry }) =>
    indexesOf(job, ranges).map((index) => ({ job: index, artifacts: entry.artifacts })),
  );
  const { artifacts, variables } = settings;
  return {
    definition: name,
    stage,
    waitsFor: waitsFor ?? 'stages',
    artifactsFrom: (artifactsFrom && indexesFrom(artifactsFrom)) ?? 'earlier-stages',
    ...planStart(settings),
    runner: planRunner(settings, trigger !== undefined),
    ...present('image', settings.image?.name),
    ...present('imageOptions', settings.image?.options),
    services: settings.services ?? [],
    variables: variables?.values ?? {},
    ...present('rawVariables', some(variables?.raw)),
    ...inheritedVariables(settings, definition),
    secrets: settings.secrets ?? {},
    steps: trigger ? [] : planSteps(settings),
    ...present('trigger', trigger),
    ...present('hooks', trigger ? undefined : planHooks(settings)),
    ...present('artifacts', artifacts && keepsAnything(artifacts) ? artifacts : undefined),
    cache: (settings.cache ?? []).map((cache) => cacheOf(cache, definition)),
    ...present('coverage', settings.coverage),
    retry: settings.retry ?? { max: 0, when: ['always'] },
    timeoutSeconds: settings.timeout ?? defaultTimeoutSeconds,
    interruptible: settings.interruptible ?? false,
    priority: settings.priority ?? defaultPriority,
    ...present('environment', settings.environment),
    ...present('resourceGroup', settings.resource_group),
    ...present('plannedOnly', some(marks)),
  };
};

const some = <Item>(items: readonly Item[] = []): Item[] | undefined => (items.length > 0 ? [...items] : undefined);

export const indexesOf = (job: Selected, ranges: Ranges): number[] => {
  const { first, count } = ranges.get(job)!;
  return Array.from({ length: count }, (_, offset) => first + offset);
};

const sourceIndexes = ({ job, copies }: ArtifactSource, ranges: Ranges): number[] => {
  const indexes = indexesOf(job, ranges);
  if (!copies) return indexes;
  const names = copiesOf(job).map(({ name }) => name);
  return indexes.filter((_, at) => copies.has(names[at]!));
};

const planRunner = (
  { cluster, resources, tags, image, services = [] }: Partial<JobSettings>,
  isTrigger: boolean,
): RunnerRequirements => ({
  ...present('cluster', cluster),
  ...resources,
  ...present('tags', some(tags)),
  ...(!isTrigger && (image !== undefined || services.length > 0) && { executor: 'docker' }),
});

type Start = Pick<
  PlannedJob,
  'when' | 'startInSeconds' | 'manualConfirmation' | 'allowFailure' | 'allowFailureExitCodes'
>;

const planStart = (settings: Partial<JobSettings>): Start => {
  const when = settings.when ?? 'on_success';
  const allowed = settings.allow_failure;
  const codes = typeof allowed === 'object' ? allowed.exitCodes : undefined;
  return {
    when,
    ...present('startInSeconds', when === 'delayed' ? settings.start_in : undefined),
    ...present('manualConfirmation', when === 'manual' ? settings.manual_confirmation : undefined),
    // A manual job nobody starts must not hold up the pipeline, unless its author says so (as in GitLab).
    allowFailure: typeof allowed === 'boolean' ? allowed : !codes && when === 'manual',
    ...present('allowFailureExitCodes', codes),
  };
};

const inheritedVariables = (
  { inherit }: Partial<JobSettings>,
  { variables }: Definition,
): Pick<PlannedJob, 'inheritedVariables'> => {
  const taken = inherit?.variables;
  if (taken === undefined || taken === true) return {};
  return { inheritedVariables: Object.keys(variables.values).filter((name) => takes(taken, name)) };
};

/** GitLab's fallback keys are whole keys (C15). */
const cacheOf = (cache: CacheSpec, { dialect }: Definition): CacheSpec =>
  dialect === 'gitlab' && cache.fallbackKeys.length > 0 ? { ...cache, exactFallbackKeys: true } : cache;

const keepsAnything = ({ paths, reports, dotenv = [] }: ArtifactSpec): boolean =>
  paths.length + reports.length + dotenv.length > 0;

const planHooks = ({ hooks }: Partial<JobSettings>): PlannedJob['hooks'] => {
  const preGetSources = some(hooks?.pre_get_sources_script?.map(({ value }) => value));
  return preGetSources && { preGetSources };
};

const planSteps = (settings: Partial<JobSettings>): PlannedStep[] => {
  const commands = (key: 'before_script' | 'script' | 'after_script') =>
    (settings[key] ?? []).map(({ value }) => value);
  const after = commands('after_script');
  const script: PlannedStep = {
    name: 'script',
    kind: 'shell',
    commands: [...commands('before_script'), ...commands('script')],
  };
  return after.length === 0 ? [script] : [script, { name: 'after_script', kind: 'shell', commands: after }];
};
