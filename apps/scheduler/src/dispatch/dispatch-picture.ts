import { AsyncResource } from 'node:async_hooks';
import type { RecordedEvent } from '@foldline/contracts';
import { mayUseHighPower } from '@foldline/kernel';
import { currentAttempt, jobById, type JobState, type PipelineState } from '../pipeline/pipeline.state.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { QueuedJob } from './job-queue.ts';

/** Events that put an attempt into the queue, onto a runner, or away from both. */
const ABOUT_PLACES = new Set([
  'JobQueued',
  'JobAssigned',
  'JobFinishing',
  'JobSucceeded',
  'JobFailed',
  'JobCancelled',
  'JobRetried',
]);

type AboutPlace = { jobId: string; attempt: number; runnerId: string; epoch?: string };

/** When something about a job was recorded. */
export type Since = Pick<RecordedEvent, 'position' | 'recordedAt'>;

export const isAboutPlaces = ({ type }: RecordedEvent): boolean => ABOUT_PLACES.has(type);

/** Tells the dispatcher what pipelines say about their jobs. */
export class DispatchPicture {
  constructor(
    private readonly dispatcher: Dispatcher,
    /** Owners whose jobs may run on high-power clusters; `*` is everybody. */
    private readonly highPowerOwners: readonly string[],
  ) {}

  /** The next event of a pipeline; its state is at least as new. */
  observe(event: RecordedEvent, state: PipelineState): void {
    const { jobId, attempt, runnerId, epoch } = event.data as AboutPlace;
    switch (event.type) {
      case 'JobQueued':
      case 'JobAssigned': {
        const job = jobById(state, jobId);
        if (!job) return;
        const { position, recordedAt } = event;
        const queued = this.queuedJob({ id: jobId, attempt, planned: job.planned }, { position, recordedAt }, state);
        return event.type === 'JobQueued'
          ? this.dispatcher.queued(queued)
          : this.dispatcher.assigned(queued, runnerId, epoch);
      }
      case 'JobFinishing':
      case 'JobSucceeded':
      case 'JobFailed':
      case 'JobCancelled':
        return this.dispatcher.released(jobId, attempt);
      case 'JobRetried':
        return this.dispatcher.released(jobId, attempt - 1);
    }
  }

  /** An event behind which the pipeline has gone on already; its state is what counts. */
  observeLate(event: RecordedEvent, state: PipelineState): void {
    const { jobId, attempt } = event.data as { jobId: string; attempt: number };
    this.settle({ jobId, attempt: event.type === 'JobRetried' ? attempt - 1 : attempt }, event, state);
  }

  /** Makes the picture of an attempt what its pipeline says: somebody else may have been first. */
  settle({ jobId, attempt }: { jobId: string; attempt: number }, since: Since, state: PipelineState): void {
    const job = currentAttempt(state, jobId, attempt);
    if (job?.status === 'assigned') this.assigned(job, since, state);
    else this.dispatcher.released(jobId, attempt);
    if (job?.status === 'queued') this.dispatcher.queued(this.queuedJob(job, since, state));
  }

  /** A pipeline that was not looked at before; `queued` tells since when a job waits. */
  recall(state: PipelineState, queued: (jobId: string) => Since): void {
    for (const job of state.jobs) {
      if (job.status === 'queued') this.dispatcher.queued(this.queuedJob(job, queued(job.id), state));
      if (job.status === 'assigned') this.assigned(job, queued(job.id), state);
    }
  }

  private assigned(job: JobState, since: Since, state: PipelineState): void {
    this.dispatcher.assigned(this.queuedJob(job, since, state), job.runnerId!, job.epoch);
  }

  private queuedJob(
    { id, attempt, planned }: Pick<JobState, 'id' | 'attempt' | 'planned'>,
    { position, recordedAt }: Since,
    state: PipelineState,
  ): QueuedJob {
    const { pipelineId, project } = state.context!;
    return {
      jobId: id,
      pipelineId,
      projectId: project.id,
      attempt,
      priority: planned.priority,
      queuedAt: Date.parse(recordedAt),
      position,
      requirements: planned.runner,
      highPowerAllowed: mayUseHighPower(this.highPowerOwners, `${project.owner}/${project.name}`),
      interruptible: planned.interruptible,
      context: new AsyncResource('QueuedJob'),
    };
  }
}
