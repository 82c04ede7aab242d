import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { COLLECTION, pipelineStream, type PipelineDoc, type RecordedEvent } from '@foldline/contracts';
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
import { isRunnerNews, type RunnerNews } from '../runners/runner-roster.ts';
import { causeOf, commandOf } from './dispatch-commands.ts';
import { DispatchPicture, isAboutPlaces, type Since } from './dispatch-picture.ts';
import { Dispatcher, type DispatchStep, type Running } from './dispatcher.ts';
import type { QueuedJob } from './job-queue.ts';
import { onBehalfOf } from './on-behalf-of.ts';
import { waitingSince } from './waiting-since.ts';

const PAGE = 200;
const RUNNERS_EXPECTED_MS = 10_000;
const CATCH_UP_MS = 60_000;
const SOON_MS = 3_000;
/** Pause before a step that could not be carried out is looked at again. */
const SECOND_LOOK_MS = 1_000;
/** What pipelines and runners are told of by other schedulers. */
const CATEGORIES = ['pipeline', 'runner'];
/** How long news from the log wait, so that this scheduler recognises its own. */
const RECOGNISED_MS = 50;

type PlaceOf = Pick<QueuedJob, 'jobId' | 'attempt'>;

/**
 * Every command to a pipeline goes through here, so that the dispatcher sees what each one changed and gives free
 * slots away at once. What other schedulers change is taken from the log. Only the scheduler that leads gives jobs away;
 * the others keep their picture current, so that any of them can go on at once.
 */
@Injectable()
export class DispatchService implements BeforeApplicationShutdown {
  readonly dispatcher: Dispatcher;
  private readonly picture: DispatchPicture;
  private readonly closing = new AbortController();
  /** Aborted when this scheduler leads no longer; absent while it does not lead. */
  private leading: AbortController | undefined;
  private runnerNews: (event: RunnerNews) => Promise<void> = async () => undefined;
  private strayed: (running: Running) => void = () => undefined;
  /** How far the log has been read back. */
  private watched = 0;
  /** Events of this scheduler that have not come back from the log yet, and the last of them by pipeline. */
  private readonly own = new Set<string>();
  private readonly ahead = new Map<string, number>();

  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.eventStore) private readonly store: EventStore,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(PORT.readModels) private readonly readModels: ReadModels,
    @Inject(PORT.settings) { highPowerOwners, queueRules }: Settings,
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(PORT.logger) private readonly logger: Logger,
  ) {
    this.dispatcher = new Dispatcher(queueRules);
    this.picture = new DispatchPicture(this.dispatcher, highPowerOwners);
  }

  async handle(pipelineId: string, command: PipelineCommand, cause: Cause): Promise<void> {
    const { events, state } = await this.commands.handle(pipelineStream(pipelineId), pipelineDecider, command, {
      ...cause,
      correlationId: pipelineId,
    });
    if (events.length === 0) return;
    for (const event of events.filter(isAboutPlaces)) {
      this.own.add(event.id);
      this.ahead.set(pipelineId, event.revision);
      this.picture.observe(event, state);
      this.checkPlace(event.data as PlaceOf);
    }
    this.dispatch();
  }

  get leads(): boolean {
    return this.leading !== undefined;
  }

  /** From now on this scheduler gives jobs away, or leaves it to another one. */
  lead(leads: boolean): void {
    this.leading?.abort();
    this.leading = undefined;
    if (!leads || this.closing.signal.aborted) return;
    const leading = new AbortController();
    this.leading = leading;
    this.dispatcher.expectingRunners = true;
    void this.clock.sleep(RUNNERS_EXPECTED_MS, leading.signal).then(() => {
      if (this.leading !== leading) return;
      this.dispatcher.expectingRunners = false;
      this.dispatch();
    });
    this.dispatch();
  }

  /** What the log says about runners, in its order; the listener is awaited. */
  onRunnerNews(listener: (event: RunnerNews) => Promise<void>): void {
    this.runnerNews = listener;
  }

  /** Jobs that were given to a runner that gets none: it was decided when it still got them, or by somebody else. */
  onStrayed(listener: (running: Running) => void): void {
    this.strayed = listener;
  }

  /** Reads the queue back from the pipelines that have not ended; needed once, before the first command. */
  async rebuild(): Promise<void> {
    this.watched = await this.store.lastPosition();
    await this.caughtUp(this.watched);
    const since = await waitingSince(this.reads);
    const queued = (jobId: string): Since =>
      since.get(jobId) ?? { recordedAt: this.clock.now(), position: this.watched };
    let after: string | undefined;
    do {
      const page = await this.reads.query<PipelineDoc>(COLLECTION.pipelines, {
        index: 'active',
        limit: PAGE,
        ...(after ? { after } : {}),
      });
      for (const { id } of page.items)
        this.picture.recall(await this.commands.stateOf(pipelineStream(id), pipelineDecider), queued);
      after = page.nextCursor;
    } while (after);
    void this.watch();
  }

  private async caughtUp(position: number): Promise<void> {
    if (await this.readModels.reached(position, SOON_MS)) return;
    this.logger.warn({ position }, 'the scheduler waits for the read models, which an api-gateway brings up to date');
    if (!(await this.readModels.reached(position, CATCH_UP_MS)))
      throw new Error('the read models do not catch up with the log: does an api-gateway run?');
  }

  /** Carries out what can be done now. Steps of different pipelines do not wait for each other. */
  dispatch(): void {
    if (this.closing.signal.aborted || !this.leads) return;
    for (let step = this.dispatcher.next(); step; step = this.dispatcher.next())
      void onBehalfOf(step.job, () => this.carryOut(step));
  }

  beforeApplicationShutdown(): void {
    this.closing.abort();
    this.leading?.abort();
  }

  private async carryOut(step: DispatchStep): Promise<void> {
    const { job } = step;
    if (step.kind === 'assign') this.dispatcher.assigned(job, step.runnerId, step.epoch);
    try {
      await this.handle(job.pipelineId, commandOf(step), causeOf(step));
      if (step.kind === 'assign') await this.lookAt(job);
    } catch (err) {
      await this.lookAgain(job, err, `could not ${step.kind} a job`);
    }
  }

  /** Makes the picture of a job what its pipeline says. */
  async lookAt(job: QueuedJob): Promise<void> {
    const state = await this.commands.stateOf(pipelineStream(job.pipelineId), pipelineDecider);
    this.picture.settle(job, sinceOf(job), state);
    this.checkPlace(job);
    this.dispatch();
  }

  private checkPlace(job: PlaceOf): void {
    const running = this.leads ? this.dispatcher.assignmentOf(job) : undefined;
    if (running && !this.dispatcher.isRegistered(running.runnerId, running.epoch)) this.strayed(running);
  }

  /** What came of a failed step is not known: the log is asked until it answers. When closing, the next start asks. */
  private async lookAgain(job: QueuedJob, err: unknown, message: string): Promise<void> {
    if (this.closing.signal.aborted) return;
    const { pipelineId, jobId, attempt } = job;
    this.logger.error({ err, pipelineId, jobId, attempt }, message);
    await this.clock.sleep(SECOND_LOOK_MS, this.closing.signal);
    await this.lookAt(job).catch((next: unknown) => this.lookAgain(job, next, 'could not look at a job again'));
  }

  /** Follows the log, because other schedulers decide about pipelines too; one that dies leaves its queue to the rest. */
  private async watch(): Promise<void> {
    const { signal } = this.closing;
    while (!signal.aborted) {
      try {
        await this.store.follow(this.watched, (events) => this.see(events), signal, {
          categories: CATEGORIES,
        });
      } catch (err) {
        this.logger.error({ err }, 'the scheduler does not see what others decide');
        await this.clock.sleep(SECOND_LOOK_MS, signal);
      }
    }
  }

  private async see(events: readonly RecordedEvent[]): Promise<void> {
    await this.clock.sleep(RECOGNISED_MS, this.closing.signal);
    for (const event of events) {
      if (this.closing.signal.aborted) return;
      if (isRunnerNews(event)) await this.runnerNews(event);
      else if (isAboutPlaces(event)) await this.seeOne(event);
      this.watched = event.position;
    }
  }

  private async seeOne(event: RecordedEvent): Promise<void> {
    const { pipelineId } = event.data as { pipelineId: string };
    const ahead = this.ahead.get(pipelineId) ?? -1;
    if (ahead === event.revision) this.ahead.delete(pipelineId);
    if (this.own.delete(event.id)) return;
    try {
      const state = await this.commands.stateOf(pipelineStream(pipelineId), pipelineDecider, event.revision);
      if (event.revision > ahead) this.picture.observe(event, state);
      else this.picture.observeLate(event, state);
      this.checkPlace(event.data as PlaceOf);
    } catch (err) {
      if (err instanceof TransientError) throw err;
      const { position } = event;
      this.logger.error({ err, pipelineId, position }, 'what another scheduler decided is not understood');
    }
    this.dispatch();
  }
}

const sinceOf = ({ position, queuedAt }: QueuedJob): Since => ({
  position,
  recordedAt: new Date(queuedAt).toISOString(),
});
