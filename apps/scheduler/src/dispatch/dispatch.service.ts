import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { COLLECTION, attemptIdOf, pipelineStream, type PipelineDoc, type RecordedEvent } from '@foldline/contracts';
import {
  COMMANDS,
  PORT,
  TransientError,
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
import { PIPELINE_EVENTS } from '../pipeline/pipeline.evolve.ts';
import { currentAttempt, jobById, type JobState, type PipelineState } from '../pipeline/pipeline.state.ts';
import { Dispatcher, type DispatchStep } from './dispatcher.ts';
import type { QueuedJob } from './job-queue.ts';

const PAGE = 200;
const RUNNERS_EXPECTED_MS = 10_000;
const CATCH_UP_MS = 60_000;
/** Pause before a step that could not be carried out is looked at again. */
const SECOND_LOOK_MS = 1_000;
/** How long news of the log wait for this scheduler to recognise them as its own. */
const RECOGNISED_MS = 50;

/**
 * Every command to a pipeline goes through here, so that the dispatcher sees what each one changed and gives free
 * slots away at once. What other schedulers change is taken from the log.
 */
@Injectable()
export class DispatchService implements BeforeApplicationShutdown {
  readonly dispatcher = new Dispatcher();
  private readonly closing = new AbortController();
  /** Events of this scheduler that have not come back from the log yet, and how far that has been read. */
  private readonly own = new Set<string>();
  private watched = 0;

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
    const { events, state } = await this.commands.handle(pipelineStream(pipelineId), pipelineDecider, command, {
      ...cause,
      correlationId: pipelineId,
    });
    for (const event of events) {
      if (event.position > this.watched) this.own.add(event.id);
      this.observe(event, state);
    }
    if (events.length > 0) this.dispatch();
  }

  /** Reads the queue back from the pipelines that have not ended; needed once, before the first command. */
  async rebuild(): Promise<void> {
    this.watched = await this.store.lastPosition();
    if (!(await this.readModels.reached(this.watched, CATCH_UP_MS)))
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
    void this.watch();
    void this.clock.sleep(RUNNERS_EXPECTED_MS, this.closing.signal).then(() => {
      this.dispatcher.expectingRunners = false;
      this.dispatch();
    });
  }

  /** Carries out what can be done now. Steps of different pipelines do not wait for each other. */
  dispatch(): void {
    if (this.closing.signal.aborted) return;
    for (let step = this.dispatcher.next(); step; step = this.dispatcher.next()) void this.carryOut(step);
  }

  beforeApplicationShutdown(): void {
    this.closing.abort();
  }

  private async carryOut(step: DispatchStep): Promise<void> {
    const { job } = step;
    if (step.kind === 'assign') this.dispatcher.assigned(job, step.runnerId);
    try {
      await this.handle(job.pipelineId, commandOf(step), causeOf(step));
      if (step.kind === 'assign') await this.lookAt(job);
    } catch (err) {
      const { pipelineId, jobId, attempt } = job;
      this.logger.error({ err, pipelineId, jobId, attempt }, `could not ${step.kind} a job`);
      await this.clock.sleep(SECOND_LOOK_MS, this.closing.signal);
      if (!this.closing.signal.aborted) await this.secondLook(step);
    }
  }

  /** Makes the picture of an attempt what its pipeline says: somebody else may have been first. */
  private async lookAt({ jobId, pipelineId, attempt, position }: QueuedJob): Promise<void> {
    const state = await this.commands.stateOf(pipelineStream(pipelineId), pipelineDecider);
    const job = currentAttempt(state, jobId, attempt);
    if (job?.status === 'assigned')
      return this.dispatcher.assigned(this.queuedJob(job, position, state), job.runnerId!);
    this.dispatcher.released(jobId, attempt);
    if (job?.status === 'queued') this.dispatcher.queued(this.queuedJob(job, position, state));
    this.dispatch();
  }

  private async secondLook(step: DispatchStep): Promise<void> {
    try {
      await this.lookAt(step.job);
    } catch (err) {
      this.logger.error({ err, jobId: step.job.jobId }, 'could not look at a job that was to be given away');
      await this.clock.sleep(SECOND_LOOK_MS, this.closing.signal);
      if (!this.closing.signal.aborted) await this.secondLook(step);
    }
  }

  /** Follows the log, because other schedulers decide about pipelines too; one that dies leaves its queue to the rest. */
  private async watch(): Promise<void> {
    const { signal } = this.closing;
    while (!signal.aborted) {
      try {
        await this.store.follow(this.watched, (events) => this.see(events), signal);
      } catch (err) {
        this.logger.error({ err }, 'the scheduler does not see what others decide');
        await this.clock.sleep(SECOND_LOOK_MS, signal);
      }
    }
  }

  private async see(events: readonly RecordedEvent[]): Promise<void> {
    await this.clock.sleep(RECOGNISED_MS, this.closing.signal);
    for (const event of events) {
      if (!this.own.delete(event.id) && event.type in PIPELINE_EVENTS) await this.seeForeign(event);
      this.watched = event.position;
    }
  }

  private async seeForeign(event: RecordedEvent): Promise<void> {
    const { pipelineId } = event.data as { pipelineId: string };
    try {
      this.observe(event, await this.commands.stateOf(pipelineStream(pipelineId), pipelineDecider));
    } catch (err) {
      if (err instanceof TransientError) throw err;
      this.logger.error(
        { err, pipelineId, position: event.position },
        'what another scheduler decided is not understood',
      );
    }
    this.dispatch();
  }

  private observe(event: RecordedEvent, state: PipelineState): void {
    const { jobId, attempt, runnerId } = event.data as { jobId: string; attempt: number; runnerId: string };
    switch (event.type) {
      case 'JobQueued':
      case 'JobAssigned': {
        const job = jobById(state, jobId);
        if (!job) return;
        const queued = this.queuedJob({ id: jobId, attempt, planned: job.planned }, event.position, state);
        return event.type === 'JobQueued' ? this.dispatcher.queued(queued) : this.dispatcher.assigned(queued, runnerId);
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

  private recall(state: PipelineState): void {
    for (const job of state.jobs) {
      if (job.status === 'queued') this.dispatcher.queued(this.queuedJob(job, 0, state));
      if (job.status === 'assigned') this.dispatcher.assigned(this.queuedJob(job, 0, state), job.runnerId!);
    }
  }

  private queuedJob(
    { id, attempt, planned }: Pick<JobState, 'id' | 'attempt' | 'planned'>,
    position: number,
    state: PipelineState,
  ): QueuedJob {
    const { pipelineId, project } = state.context!;
    const { highPowerOwners } = this.settings;
    return {
      jobId: id,
      pipelineId,
      attempt,
      priority: planned.priority,
      position,
      requirements: planned.runner,
      highPowerAllowed: highPowerOwners.includes('*') || highPowerOwners.includes(project.owner),
      interruptible: planned.interruptible,
    };
  }
}

const commandOf = (step: DispatchStep): PipelineCommand => {
  const { jobId, attempt } = step.job;
  switch (step.kind) {
    case 'assign': {
      const { runnerId, cluster, detail } = step;
      return { type: 'AssignJob', jobId, attempt, runnerId, cluster, detail };
    }
    case 'preempt':
      return { type: 'PreemptJob', jobId, attempt };
    case 'explain':
      return { type: 'ExplainWait', jobId, attempt, code: step.code, detail: step.detail };
  }
};

/** Names what the step decides: two schedulers that choose differently must not be taken for one that repeats itself. */
const causeOf = (step: DispatchStep): Cause => {
  const chosen = step.kind === 'assign' ? step.runnerId : step.kind === 'explain' ? step.code : '';
  return {
    id: `${step.kind}:${attemptIdOf(step.job.jobId, step.job.attempt)}:${chosen}`,
    actor: { kind: 'system', id: 'scheduler' },
  };
};
