import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import {
  COLLECTION,
  attemptIdOf,
  pipelineStream,
  type JobAssigned,
  type PipelineDoc,
  type RecordedEvent,
} from '@foldline/contracts';
import {
  COMMANDS,
  PORT,
  type Cause,
  type Clock,
  type Commands,
  type EventStore,
  type Logger,
  type ReadModels,
  type ReadStore,
  type Settings,
} from '@foldline/kernel';
import { pipelineDecider, type PipelineCommand } from '../pipeline/pipeline.decider.ts';
import { jobById, isActive, type JobState, type PipelineState } from '../pipeline/pipeline.state.ts';
import { Dispatcher, type DispatchStep } from './dispatcher.ts';
import type { QueuedJob } from './job-queue.ts';

const PAGE = 200;
const RUNNERS_EXPECTED_MS = 10_000;
const CATCH_UP_MS = 60_000;

/**
 * Every command to a pipeline goes through here, so that the dispatcher sees what each one changed and gives free
 * slots away at once.
 */
@Injectable()
export class DispatchService implements BeforeApplicationShutdown {
  readonly dispatcher = new Dispatcher();
  private readonly closing = new AbortController();

  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.eventStore) private readonly store: EventStore,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(PORT.readModels) private readonly readModels: ReadModels,
    @Inject(PORT.settings) private readonly settings: Settings,
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(PORT.logger) private readonly logger: Logger,
  ) {}

  async handle(pipelineId: string, command: PipelineCommand, cause: Cause): Promise<void> {
    const handled = await this.commands.handle(pipelineStream(pipelineId), pipelineDecider, command, {
      ...cause,
      correlationId: pipelineId,
    });
    for (const event of handled.events) this.observe(event, handled.state);
    if (handled.events.length > 0) this.dispatch();
  }

  /** Reads the queue back from the pipelines that have not ended; needed once, before the first command. */
  async rebuild(): Promise<void> {
    const last = await this.store.lastPosition();
    if (!(await this.readModels.reached(last, CATCH_UP_MS)))
      throw new Error('the read models do not catch up with the log');
    let after: string | undefined;
    do {
      const page = await this.reads.query<PipelineDoc>(COLLECTION.pipelines, {
        index: 'active',
        limit: PAGE,
        ...(after ? { after } : {}),
      });
      for (const { id } of page.items) this.recall(await this.commands.stateOf(pipelineStream(id), pipelineDecider));
      after = page.nextCursor;
    } while (after);
    void this.clock.sleep(RUNNERS_EXPECTED_MS, this.closing.signal).then(() => {
      this.dispatcher.expectingRunners = false;
      this.dispatch();
    });
  }

  /** Carries out what can be done now. Steps of different pipelines do not wait for each other. */
  dispatch(): void {
    if (this.closing.signal.aborted) return;
    for (let step = this.dispatcher.next(); step; step = this.dispatcher.next()) this.carryOut(step);
  }

  beforeApplicationShutdown(): void {
    this.closing.abort();
  }

  private carryOut(step: DispatchStep): void {
    const { pipelineId, jobId, attempt } = step.kind === 'preempt' ? step : step.job;
    if (step.kind === 'assign') this.dispatcher.assigned(step.job, step.runnerId);
    const cause: Cause = {
      id: `${step.kind}:${attemptIdOf(jobId, attempt)}:${step.kind === 'explain' ? step.code : ''}`,
      actor: { kind: 'system', id: 'scheduler' },
    };
    this.handle(pipelineId, commandOf(step), cause)
      .then(async () => {
        if (step.kind !== 'assign') return;
        const state = await this.commands.stateOf(pipelineStream(pipelineId), pipelineDecider);
        const job = jobById(state, jobId);
        if (job?.attempt !== attempt || !isActive(job)) this.free(jobId, attempt);
      })
      .catch((error: unknown) => {
        this.logger.error({ err: error, pipelineId, jobId, attempt }, `could not ${step.kind} a job`);
        this.free(jobId, attempt);
      });
  }

  private free(jobId: string, attempt: number): void {
    this.dispatcher.released(jobId, attempt);
    this.dispatch();
  }

  private observe(event: RecordedEvent, state: PipelineState): void {
    const data = event.data as { jobId: string; attempt: number };
    switch (event.type) {
      case 'JobQueued':
        return this.dispatcher.queued(this.queuedJob(jobById(state, data.jobId)!, data.attempt, event.position, state));
      case 'JobAssigned': {
        const { runnerId } = data as ReturnType<typeof JobAssigned>['data'];
        const job = this.queuedJob(jobById(state, data.jobId)!, data.attempt, event.position, state);
        return this.dispatcher.assigned(job, runnerId);
      }
      case 'JobFinishing':
      case 'JobSucceeded':
      case 'JobFailed':
      case 'JobCancelled':
        return this.dispatcher.released(data.jobId, data.attempt);
      case 'JobRetried':
        return this.dispatcher.released(data.jobId, data.attempt - 1);
    }
  }

  private recall(state: PipelineState): void {
    for (const job of state.jobs) {
      if (job.status !== 'queued' && job.status !== 'assigned') continue;
      const queued = this.queuedJob(job, job.attempt, 0, state);
      if (job.status === 'queued') this.dispatcher.queued(queued);
      else this.dispatcher.assigned(queued, job.runnerId!);
    }
  }

  private queuedJob(job: JobState, attempt: number, position: number, state: PipelineState): QueuedJob {
    const { pipelineId, project } = state.context!;
    const { highPowerOwners } = this.settings;
    return {
      jobId: job.id,
      pipelineId,
      attempt,
      priority: job.planned.priority,
      position,
      requirements: job.planned.runner,
      highPowerAllowed: highPowerOwners.includes('*') || highPowerOwners.includes(project.owner),
      interruptible: job.planned.interruptible,
    };
  }
}

const commandOf = (step: DispatchStep): PipelineCommand => {
  if (step.kind === 'preempt') return { type: 'PreemptJob', jobId: step.jobId, attempt: step.attempt };
  const { jobId, attempt } = step.job;
  return step.kind === 'assign'
    ? { type: 'AssignJob', jobId, attempt, runnerId: step.runnerId, cluster: step.cluster, detail: step.detail }
    : { type: 'ExplainWait', jobId, attempt, code: step.code, detail: step.detail };
};
