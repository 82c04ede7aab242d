import type { JobDoc, ResourceGroupDoc } from '@foldline/contracts';
import { explainLimit } from '@foldline/kernel';
import type { QueuePicture } from './queue-pictures.ts';
import type { Reason, RunnerVerdict } from './runner-verdicts.ts';

export type Waiting = Reason & {
  /** When the scheduler recorded this reason, where it did. */
  since?: string;
  /** 1 is next. */
  position?: number;
  /** Told by so many jobs before it, and by so many earlier runs of jobs like these. */
  expectedStart?: { at: string; basis: { jobs: number; runs: number } };
  /** The job that has what it waits for. */
  holder?: { job: string; pipeline: string; since: string; url: string };
  /** Those that could take it first. */
  runners?: readonly RunnerVerdict[];
};

/** What of others matters to a job that waits. */
export type Around = {
  group?: ResourceGroupDoc | undefined;
  queue?: QueuePicture | undefined;
};

const SHOWN_RUNNERS = 50;
const NOT_TAKEN: Reason = { code: 'runner', detail: 'no runner has taken it yet' };

/** What a job that does not run yet waits for. */
export const waitingOf = (job: JobDoc, { group, queue }: Around = {}): Waiting | undefined => {
  switch (job.status) {
    case 'created':
      return { code: 'turn', detail: 'jobs it waits for have not ended' };
    case 'manual':
      return { code: 'manual', detail: job.why.at(-1)?.because.detail ?? 'a person must start it' };
    case 'delayed':
      return { code: 'delayed', detail: `it is queued at ${job.startsAt}` };
    case 'waiting_for_resource':
      return forGroup(job, group);
    case 'queued':
      return forRunner(job, queue);
    default:
      return undefined;
  }
};

/** Where a job is shown. */
export const jobUrl = (project: string, jobId: string): string => `/api/${project}/jobs/${jobId}`;

const forGroup = ({ project, resourceGroup }: JobDoc, group: ResourceGroupDoc | undefined): Waiting => {
  const start = `the resource group "${resourceGroup}" is`;
  if (!group?.holder) return { code: 'resource_group', detail: `${start} given to another job first` };
  const { jobId: job, pipelineId: pipeline, since } = group.holder;
  const holder = { job, pipeline, since, url: jobUrl(project, job) };
  return { code: 'resource_group', detail: `${start} held by job ${job}`, holder };
};

const forRunner = (job: JobDoc, queue: QueuePicture | undefined): Waiting => {
  const recorded = recordedFor(job);
  if (!queue?.isWhole) return recorded ?? NOT_TAKEN;
  const { runners, reason: ofRunners } = queue.verdictsOn(job);
  const reason = reasonOf(ofRunners, explainLimit(queue.busy.get(job.projectId) ?? 0, queue.rules));
  return {
    ...reason,
    ...(recorded?.code === reason.code && { since: recorded.since }),
    ...turnOf(job, queue),
    runners: runners.slice(0, SHOWN_RUNNERS),
  };
};

/** The limit of a project matters where a runner could take the job now or later. */
const reasonOf = (ofRunners: Reason | undefined, limit: Reason | undefined): Reason => {
  if (!limit) return ofRunners ?? NOT_TAKEN;
  return ofRunners && ofRunners.code !== 'runners_busy' ? ofRunners : limit;
};

/** What the scheduler has said last, if it was why the job waits. */
const recordedFor = ({ why }: JobDoc): (Reason & { since: string }) | undefined => {
  const last = why.at(-1);
  if (last?.event !== 'JobWaiting') return undefined;
  return { code: last.because.rule, detail: last.because.detail, since: last.at };
};

const turnOf = ({ id }: JobDoc, { turns, at }: QueuePicture): Pick<Waiting, 'position' | 'expectedStart'> => {
  const turn = turns.get(id);
  if (!turn?.start) return turn ? { position: turn.position } : {};
  const { inMs, ...basis } = turn.start;
  return { position: turn.position, expectedStart: { at: wholeSeconds(Date.parse(at) + inMs), basis } };
};

/** Rounded up: an estimate is not as exact as a clock. */
const wholeSeconds = (ms: number): string => new Date(Math.ceil(ms / 1000) * 1000).toISOString();
