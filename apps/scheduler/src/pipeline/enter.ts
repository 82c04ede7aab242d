import { JobAwaitsResource, JobLeftResource, JobQueued, type Because } from '@foldline/contracts';
import type { Decision } from '@foldline/kernel';
import { requestDownstream } from './downstream.ts';
import type { PipelineEvent } from './pipeline.evolve.ts';
import { jobById, type JobState, type PipelineState } from './pipeline.state.ts';

/** The next attempt may run: as soon as there is a runner for it, or as soon as its resource group lets it. */
export const enter = (state: PipelineState, job: JobState, because: Because): PipelineEvent => {
  const { pipelineId, project } = state.context!;
  const group = job.planned.resourceGroup;
  const attempt = job.attempt + 1;
  return group === undefined
    ? begin(state, job, attempt, because)
    : JobAwaitsResource({ pipelineId, jobId: job.id, attempt, projectId: project.id, group, because });
};

/** Nothing keeps the attempt from running any more. */
export const begin = (state: PipelineState, job: JobState, attempt: number, because: Because): PipelineEvent =>
  job.planned.trigger
    ? requestDownstream(state, job, attempt, because)
    : JobQueued({
        pipelineId: state.context!.pipelineId,
        jobId: job.id,
        attempt,
        priority: job.planned.priority,
        because,
      });

/** Whoever has ended, or waits for a person, keeps nobody else of its resource group from running. */
export const leaveGroups = (decision: Decision<PipelineState, PipelineEvent>): void => {
  const { state } = decision;
  for (const event of decision.events) {
    const job = leaver(state, event);
    if (job?.planned.resourceGroup === undefined) continue;
    const { pipelineId, project } = state.context!;
    const about = { pipelineId, jobId: job.id, attempt: job.attempt };
    decision.emit(JobLeftResource({ ...about, projectId: project.id, group: job.planned.resourceGroup }));
  }
};

const leaver = (state: PipelineState, event: PipelineEvent): JobState | undefined => {
  switch (event.type) {
    case 'JobFailed':
      return event.data.final ? jobById(state, event.data.jobId) : undefined;
    case 'JobHeld':
    case 'JobSkipped':
    case 'JobSucceeded':
    case 'JobCancelled':
      return jobById(state, event.data.jobId);
    default:
      return undefined;
  }
};
