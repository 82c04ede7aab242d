import {
  budgetOfEach,
  DOWNSTREAM_LIMITS,
  DownstreamRequested,
  DownstreamStopRequested,
  handedOn,
  type Because,
  type ChildPipeline,
} from '@foldline/contracts';
import { derivedId, type Decision } from '@foldline/kernel';
import type { PipelineEvent } from './pipeline.evolve.ts';
import { isSettled, type JobState, type PipelineState } from './pipeline.state.ts';

type Requested = ReturnType<typeof DownstreamRequested>['data'];

/** The job starts its pipeline: another one with each attempt. */
export const requestDownstream = (
  state: PipelineState,
  job: JobState,
  attempt: number,
  because: Because,
): PipelineEvent => {
  const { pipelineId, project, upstream } = state.context!;
  const { of, inputs } = job.planned.trigger!;
  const { variables, rawVariables } = state.plan!;
  const described = {
    context: state.context!,
    job: job.planned,
    pipelineVariables: variables,
    ...(rawVariables ? { rawPipelineVariables: rawVariables } : {}),
  };
  return DownstreamRequested({
    pipelineId,
    jobId: job.id,
    attempt,
    downstreamId: derivedId('downstream', job.id, String(attempt)),
    project,
    of: of.kind === 'child' ? childOf(state, of) : of,
    variables: handedOn(described, job.planned.trigger!),
    ...(inputs ? { inputs } : {}),
    upstream: {
      pipelineId,
      jobId: job.id,
      attempt,
      project: `${project.owner}/${project.name}`,
      depth: (upstream?.depth ?? 0) + 1,
      budget: budgetOfEach(upstream?.budget ?? DOWNSTREAM_LIMITS.pipelines, state.triggers),
    },
    because,
  });
};

type PipelineDecision = Decision<PipelineState, PipelineEvent>;

/** What the job started ends as well: it is a part of this pipeline, unless it is another project's. */
export const stopDownstream = (job: JobState, decision: PipelineDecision): void => {
  if (startedChild(job)) decision.emit(DownstreamStopRequested(stopOf(job, job.downstream, decision)));
};

/**
 * Nobody here knows what has begun in a pipeline below, so each is asked, once, to decide for itself; whoever waits for
 * one goes on waiting. Tells whether that is so of the job.
 */
export const supersedeDownstream = (job: JobState, supersededBy: string, decision: PipelineDecision): boolean => {
  if (!startedChild(job)) return false;
  const isLeft = isSettled(job) || job.status === 'triggered';
  if (isLeft && !job.downstream.superseded)
    decision.emit(DownstreamStopRequested({ ...stopOf(job, job.downstream, decision), supersededBy }));
  return isLeft;
};

type Started = JobState & { downstream: NonNullable<JobState['downstream']> };

const startedChild = (job: JobState): job is Started =>
  job.downstream !== undefined && job.planned.trigger?.of.kind === 'child';

const stopOf = (
  { id: jobId }: JobState,
  { id: downstreamId, attempt }: Started['downstream'],
  { state }: PipelineDecision,
) => ({
  pipelineId: state.context!.pipelineId,
  jobId,
  attempt,
  downstreamId,
});

const childOf = (
  state: PipelineState,
  { include, artifactsFrom, line, column, file }: ChildPipeline,
): Requested['of'] => {
  const { ref, sha, before } = state.context!;
  const root = state.plan!.file;
  return {
    kind: 'child',
    definition: {
      include,
      ...(artifactsFrom ? { artifacts: attemptsOf(state, artifactsFrom) } : {}),
      line,
      column,
      file: file ?? root,
      ...(file === undefined ? {} : { root }),
    },
    ref,
    sha,
    ...(before === undefined ? {} : { before }),
  };
};

/** The attempts whose files count: of each job the last that has ended. */
const attemptsOf = (
  { jobs }: PipelineState,
  sources: NonNullable<ChildPipeline['artifactsFrom']>,
): NonNullable<Extract<Requested['of'], { kind: 'child' }>['definition']['artifacts']> =>
  Object.fromEntries(
    Object.entries(sources).map(([name, indexes]) => [
      name,
      indexes.flatMap((index) => {
        const { id: jobId, endedAttempt } = jobs[index]!;
        return endedAttempt === undefined ? [] : [{ jobId, attempt: endedAttempt }];
      }),
    ]),
  );
