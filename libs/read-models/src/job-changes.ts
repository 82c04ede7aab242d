import {
  jobIdOf,
  parseJobId,
  type Because,
  type EventDefinition,
  type JobDoc,
  type PipelineStarted,
  type PlannedJob,
  type RecordedEvent,
} from '@foldline/contracts';
import { when } from '@foldline/kernel';

/** Decisions, steps and cache look-ups that a job document keeps: the newest. */
export const KEPT_ENTRIES = 200;

/** Names of many commands are long together; what they begin with tells enough. */
const KIND_LENGTH = 200;

export const latest = <Entry>(entries: readonly Entry[], entry: Entry): Entry[] =>
  [...entries, entry].slice(-KEPT_ENTRIES);

/** What an event that names one job makes of that job's document. */
export const onJob = <Type extends string, Data extends { jobId: string }>(
  definition: EventDefinition<Type, Data>,
  evolve: (doc: JobDoc | undefined, event: RecordedEvent<Type, Data>) => JobDoc | undefined,
): ReturnType<typeof when<JobDoc, Type, Data>> => when(definition, ({ jobId }) => jobId, evolve);

export type PipelineStartedData = ReturnType<typeof PipelineStarted>['data'];

export const jobIdsOf = ({ pipelineId, plan }: PipelineStartedData): string[] =>
  plan.jobs.map(({ index }) => jobIdOf(pipelineId, index));

/** A job as its pipeline begins: planned, nothing decided yet. */
export const createdJob = (
  { data, recordedAt, position }: RecordedEvent<string, PipelineStartedData>,
  id: string,
): JobDoc | undefined => {
  const job = data.plan.jobs[parseJobId(id)?.index ?? -1];
  if (!job) return undefined;
  return {
    id,
    pipelineId: data.pipelineId,
    projectId: data.context.project.id,
    project: `${data.context.project.owner}/${data.context.project.name}`,
    index: job.index,
    name: job.name,
    definition: job.definition,
    kind: kindOf(job),
    stage: job.stage,
    status: 'created',
    attempt: 0,
    priority: job.priority,
    requirements: job.runner,
    allowFailure: job.allowFailure,
    stepCount: job.steps.length,
    ...(job.manualConfirmation === undefined ? {} : { confirmation: job.manualConfirmation }),
    ...(job.environment ? { environment: shownEnvironment(job.environment) } : {}),
    ...given({ committedAt: deploys(job) ? data.context.commit?.at : undefined }),
    ...(job.resourceGroup === undefined ? {} : { resourceGroup: job.resourceGroup }),
    ...(job.matrix ? { matrix: job.matrix } : {}),
    ...(isSubmission(data.plan) ? { submitted: true } : {}),
    why: [],
    steps: [],
    caches: [],
    createdAt: recordedAt,
    updatedPosition: position,
  };
};

/** Submitted jobs have names of their own, and are alike when their commands have the same ones. */
const kindOf = ({ definition, steps }: PlannedJob): string => {
  const commands = steps.flatMap(({ kind, name }) => (kind === 'run' ? name : []));
  const kind = commands.length === 0 ? definition : commands.join(', ').slice(0, KIND_LENGTH);
  // Half a character has no place in an index.
  return kind.replaceAll(/\p{Cs}/gu, '\uFFFD');
};
const deploys = ({ environment }: PlannedJob): boolean =>
  environment !== undefined && (environment.action ?? 'start') === 'start';

/** What every submitted job's plan says, and no definition can. */
const isSubmission = ({ decisions }: PipelineStartedData['plan']): boolean => decisions[0]?.rule === 'submitted';

/** A document has a shape of its own, whatever else a plan comes to say. */
const shownEnvironment = ({ name, url }: { name: string; url?: string }): { name: string; url?: string } => ({
  name,
  ...(url === undefined ? {} : { url }),
});

/** What the attempt before left behind and the new one does not have yet. */
export const forNewAttempt = (doc: JobDoc): JobDoc => {
  const { exitCode: _e, usage: _g, coverage: _c, runnerId: _u, cluster: _l, ...rest } = undecided(doc);
  const { startsAt: _w, startedAt: _s, tests: _t, scans: _v, ...fresh } = rest;
  return withoutDownstream(fresh);
};

/** Of a job that runs again though it had ended well: what failed before that is told. */
export const anew = ({ ownFailures, ...doc }: JobDoc): JobDoc =>
  doc.status === 'success' || ownFailures === undefined ? doc : { ...doc, ownFailures };

/** The pipeline that it asked for is not its own any more, or there is none. */
export const withoutDownstream = ({ downstream: _d, ...doc }: JobDoc): JobDoc => doc;

/** How it ended, which it has not any more. */
export const undecided = ({ reason: _r, detail: _d, finishedAt: _f, ...doc }: JobDoc): JobDoc => doc;

/** The document with a change and, when given, the decision that made it. */
export const decided = (
  doc: JobDoc | undefined,
  event: RecordedEvent,
  change: Partial<JobDoc>,
  because?: Because,
): JobDoc | undefined => {
  if (!doc) return undefined;
  const next = { ...doc, ...change, updatedPosition: event.position };
  if (!because) return next;
  return {
    ...next,
    why: latest(doc.why, { at: event.recordedAt, position: event.position, event: event.type, because }),
  };
};

/** Where the environment is found, once the job has told. */
export const addressed = (doc: JobDoc | undefined, url: string | undefined): Partial<JobDoc> =>
  doc?.environment && url !== undefined ? { environment: { ...doc.environment, url } } : {};

/** Absent values are left out, so that documents compare equal whatever way they were made. */
export const given = <Values extends object>(values: Values): Partial<Values> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<Values>;
