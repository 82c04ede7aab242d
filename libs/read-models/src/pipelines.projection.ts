import {
  COLLECTION,
  branchIndexPrefix,
  JobDue,
  JobPlayed,
  JobRetried,
  paddedPosition,
  PipelineBlocked,
  PipelineCancelling,
  PipelineDelayed,
  PipelineFinished,
  PipelinePlanned,
  PipelineRejected,
  PipelineReopened,
  PipelineRequested,
  PipelineStarted,
  PlanRejected,
  type PipelineDoc,
  type RecordedEvent,
  type Upstream,
} from '@foldline/contracts';
import { defineProjection, when } from '@foldline/kernel';

/** `pipelines` by `byProject`: the newest last, so lists read it backwards. */
export const pipelineIndexKey = (projectId: string, position: number): string =>
  `${projectId}/${paddedPosition(position)}`;

const pipelineId = (data: { pipelineId: string }): string => data.pipelineId;

type Requested = ReturnType<typeof PipelineRequested>['data'];

const requested = ({ data, actor, recordedAt, position }: RecordedEvent<string, Requested>): PipelineDoc => ({
  id: data.pipelineId,
  projectId: data.project.id,
  owner: data.project.owner,
  project: data.project.name,
  status: 'created',
  ref: data.ref.name,
  refKind: data.ref.kind,
  ...(isOfMainline(data) ? { isOfMainline: true } : {}),
  sha: data.sha ?? '',
  message: '',
  source: data.source,
  requestedBy: actor.id,
  variables: data.variables,
  ...(data.upstream ? { upstream: upstreamOf(data.upstream) } : {}),
  problems: [],
  decisions: [],
  stages: [],
  jobCount: 0,
  createdAt: recordedAt,
  position,
  updatedPosition: position,
});

const isOfMainline = ({ ref, project, submission }: Requested): boolean =>
  ref.kind === 'branch' && ref.name === project.defaultBranch && submission === undefined;

const upstreamOf = ({ pipelineId, jobId, project }: Upstream): NonNullable<PipelineDoc['upstream']> => ({
  pipelineId,
  jobId,
  project,
});

/** A change to a pipeline that is known; one that is not stays unknown. */
const changed = (
  doc: PipelineDoc | undefined,
  event: RecordedEvent,
  change: Partial<PipelineDoc>,
): PipelineDoc | undefined => doc && { ...doc, ...change, updatedPosition: event.position };

/** Who cancels by hand what was ending by itself needs no other reason. */
const withoutReason = ({ because: _because, ...rest }: PipelineDoc): PipelineDoc => rest;

/** Whoever cancels it in between says nothing of how it ends by itself. */
const reopened = (doc: PipelineDoc): PipelineDoc => {
  const { finishedAt: _finishedAt, because: _because, warnings: _warnings, ...rest } = doc;
  const endedBefore = doc.status === 'cancelled' ? (doc.endedBefore ?? doc.status) : doc.status;
  return { ...rest, endedBefore, status: 'running' };
};

const AT_REST = new Set<PipelineDoc['status']>(['manual', 'delayed']);
/** A job was started in a pipeline in which nothing went on. */
const goesOn = (doc: PipelineDoc | undefined, event: RecordedEvent): PipelineDoc | undefined =>
  doc && AT_REST.has(doc.status) ? changed(doc, event, { status: 'running' }) : doc;

/** `pipelines` by `active`: those that have not ended, the oldest first; what a scheduler must know when it starts. */
const indexesOf = (doc: PipelineDoc): Record<string, string> => ({
  byProject: pipelineIndexKey(doc.projectId, doc.position),
  byPosition: paddedPosition(doc.position),
  ...(doc.finishedAt === undefined ? { active: paddedPosition(doc.position), ...ofBranch(doc) } : {}),
});

/** What a push looks for: those of its branch that go on, and those of them that it may end. */
const ofBranch = ({ projectId, ref, refKind, position, status, autoCancel }: PipelineDoc): Record<string, string> => {
  if (refKind !== 'branch') return {};
  const key = branchIndexPrefix(projectId, ref) + paddedPosition(position);
  const mayEnd = status !== 'cancelling' && (autoCancel?.onNewCommit ?? 'none') !== 'none';
  return { activeByBranch: key, ...(mayEnd ? { cancellable: key } : {}) };
};

export const pipelinesProjection = defineProjection<PipelineDoc>(COLLECTION.pipelines, indexesOf, [
  when(PipelineRequested, pipelineId, (doc, event) => doc ?? requested(event)),
  when(PipelinePlanned, pipelineId, (doc, event) =>
    changed(doc, event, {
      sha: event.data.context.sha,
      message: event.data.context.message,
      ...(event.data.plan.name ? { name: event.data.plan.name } : {}),
      stages: event.data.plan.stages,
      decisions: event.data.plan.decisions,
      problems: event.data.plan.warnings,
      jobCount: event.data.plan.jobs.length,
      ...(event.data.plan.included ? { included: event.data.plan.included } : {}),
    }),
  ),
  when(PlanRejected, pipelineId, (doc, event) =>
    changed(doc, event, { ...event.data.commit, problems: event.data.problems }),
  ),
  when(PipelineStarted, pipelineId, (doc, event) =>
    changed(doc, event, {
      status: 'running',
      startedAt: event.recordedAt,
      ...(event.data.plan.autoCancel ? { autoCancel: event.data.plan.autoCancel } : {}),
    }),
  ),
  when(PipelineRejected, pipelineId, (doc, event) =>
    changed(doc, event, { status: 'failed', problems: event.data.problems, finishedAt: event.recordedAt }),
  ),
  when(PipelineCancelling, pipelineId, (doc, event) =>
    changed(doc && withoutReason(doc), event, {
      status: 'cancelling',
      ...(event.data.because ? { because: event.data.because } : {}),
    }),
  ),
  when(PipelineBlocked, pipelineId, (doc, event) => changed(doc, event, { status: 'manual' })),
  when(PipelineDelayed, pipelineId, (doc, event) => changed(doc, event, { status: 'delayed' })),
  when(JobPlayed, pipelineId, goesOn),
  when(JobDue, pipelineId, goesOn),
  when(JobRetried, pipelineId, goesOn),
  when(PipelineReopened, pipelineId, (doc, event) => doc && changed(reopened(doc), event, {})),
  when(PipelineFinished, pipelineId, (doc, event) =>
    changed(doc, event, {
      status: event.data.status,
      finishedAt: event.recordedAt,
      ...(event.data.warnings ? { warnings: event.data.warnings } : {}),
    }),
  ),
]);
