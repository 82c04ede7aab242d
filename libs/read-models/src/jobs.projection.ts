import {
  COLLECTION,
  DownstreamRefused,
  DownstreamReopened,
  DownstreamRequested,
  JobAssigned,
  JobAwaitsResource,
  JobCancelled,
  JobDelayed,
  JobFailed,
  JobFinishing,
  JobHeld,
  JobPlayed,
  JobQueued,
  JobRetried,
  JobSkipped,
  JobStopRequested,
  JobSucceeded,
  JobWaiting,
  PipelineStarted,
  type JobDoc,
  type RecordedEvent,
} from '@foldline/contracts';
import { defineProjection, when } from '@foldline/kernel';
import { IN_ATTEMPT } from './job-attempts.ts';
import {
  addressed,
  anew,
  createdJob,
  decided,
  forNewAttempt,
  given,
  jobIdsOf,
  onJob,
  undecided,
  withoutDownstream,
  type PipelineStartedData,
} from './job-changes.ts';
import { logAgeOf, placeOf } from './job-places.ts';

const padded = (index: number): string => String(index).padStart(6, '0');

export const jobIndexKey = (pipelineId: string, index: number): string => `${pipelineId}/${padded(index)}`;
/** `jobs` by `byProject`: in the order in which their pipelines started. */
export const projectJobIndexKey = (doc: Pick<JobDoc, 'projectId' | 'createdAt' | 'pipelineId' | 'index'>): string =>
  `${doc.projectId}/${doc.createdAt}/${jobIndexKey(doc.pipelineId, doc.index)}`;

const since = ({ recordedAt, position }: RecordedEvent) => ({ queuedAt: recordedAt, queuedPosition: position });

const inPipeline = [
  when<JobDoc, 'PipelineStarted', PipelineStartedData>(
    PipelineStarted,
    jobIdsOf,
    (doc, event, id) => doc ?? createdJob(event, id),
  ),
  onJob(JobQueued, (doc, event) =>
    decided(
      doc && forNewAttempt(doc),
      event,
      { status: 'queued', attempt: event.data.attempt, ...since(event) },
      event.data.because,
    ),
  ),
  onJob(JobAwaitsResource, (doc, event) =>
    decided(
      doc && forNewAttempt(doc),
      event,
      { status: 'waiting_for_resource', attempt: event.data.attempt, ...since(event) },
      event.data.because,
    ),
  ),
  onJob(DownstreamRequested, (doc, event) => {
    const { attempt, downstreamId: pipelineId, of, upstream, because } = event.data;
    const downstream = { pipelineId, project: of.kind === 'child' ? upstream.project : of.project };
    const change = { status: 'running', attempt, startedAt: event.recordedAt, downstream } as const;
    return decided(doc && forNewAttempt(doc), event, change, because);
  }),
  onJob(DownstreamRefused, (doc, event) =>
    doc?.downstream?.pipelineId === event.data.downstreamId ? decided(withoutDownstream(doc), event, {}) : doc,
  ),
  onJob(DownstreamReopened, (doc, event) => {
    const because = { rule: 'trigger', detail: 'the pipeline that it started goes on', jobs: [] };
    return decided(doc && undecided(doc), event, { status: 'running' }, because);
  }),
  onJob(JobHeld, (doc, event) => decided(doc, event, { status: 'manual' }, event.data.because)),
  onJob(JobDelayed, (doc, event) => {
    const { seconds, because } = event.data;
    const startsAt = new Date(Date.parse(event.recordedAt) + seconds * 1000).toISOString();
    return decided(doc, event, { status: 'delayed', startsAt }, because);
  }),
  onJob(JobPlayed, (doc, event) =>
    decided(doc, event, {}, { rule: 'played', detail: `${event.data.by} started it`, jobs: [] }),
  ),
  onJob(JobWaiting, (doc, event) =>
    decided(doc, event, {}, { rule: event.data.code, detail: event.data.detail, jobs: [] }),
  ),
  onJob(JobAssigned, (doc, event) =>
    decided(
      doc,
      event,
      { status: 'assigned', runnerId: event.data.runnerId, cluster: event.data.cluster },
      event.data.because,
    ),
  ),
  onJob(JobStopRequested, (doc, event) =>
    decided(
      doc,
      event,
      {},
      event.data.because ?? {
        rule: event.data.reason,
        detail: `${event.data.runnerId} was told to stop it`,
        jobs: [],
      },
    ),
  ),
];

const ending = [
  onJob(JobFinishing, (doc, event) =>
    decided(doc, event, {
      status: 'finishing',
      ...given({ exitCode: event.data.exitCode, reason: event.data.reason, coverage: event.data.coverage }),
    }),
  ),
  onJob(JobSucceeded, (doc, event) =>
    decided(doc, event, {
      status: 'success',
      finishedAt: event.recordedAt,
      ...given({ exitCode: event.data.exitCode, coverage: event.data.coverage }),
      ...addressed(doc, event.data.environmentUrl),
    }),
  ),
  onJob(JobFailed, (doc, event) => {
    const { reason, detail, exitCode, final, allowed } = event.data;
    const ended = reason === 'job_timeout' ? 'timed_out' : 'failed';
    const consequence = final
      ? allowed
        ? 'its failure is allowed'
        : 'no further attempt follows'
      : 'another attempt follows';
    return decided(
      doc,
      event,
      {
        status: final ? ended : 'queued',
        ...(final ? { finishedAt: event.recordedAt, allowFailure: allowed } : {}),
        ...given({ reason, detail, exitCode }),
        ...(reason === 'script_failure' ? { ownFailures: (doc?.ownFailures ?? 0) + 1 } : {}),
      },
      { rule: `failed: ${reason}`, detail: detail ? `${detail}; ${consequence}` : consequence, jobs: [] },
    );
  }),
  onJob(JobSkipped, (doc, event) =>
    decided(doc, event, { status: 'skipped', finishedAt: event.recordedAt }, event.data.because),
  ),
  onJob(JobCancelled, (doc, event) =>
    decided(
      doc,
      event,
      { status: 'cancelled', finishedAt: event.recordedAt },
      event.data.because ?? { rule: 'cancelled', detail: 'the pipeline was cancelled', jobs: [] },
    ),
  ),
  onJob(JobRetried, (doc, event) =>
    decided(
      doc && forNewAttempt(anew(doc)),
      event,
      { status: 'queued' },
      { rule: `retried: ${event.data.by}`, detail: `a new attempt is wanted by ${event.data.by}`, jobs: [] },
    ),
  ),
];

export const jobsProjection = defineProjection<JobDoc>(
  COLLECTION.jobs,
  (doc) => ({
    byPipeline: jobIndexKey(doc.pipelineId, doc.index),
    byProject: projectJobIndexKey(doc),
    ...placeOf(doc),
    ...logAgeOf(doc),
  }),
  [...inPipeline, ...ending, ...IN_ATTEMPT],
);
