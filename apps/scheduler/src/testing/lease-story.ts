import {
  AttemptFinished,
  AttemptStarted,
  RUNNER_SIGNAL,
  attemptIdOf,
  attemptStream,
  runnerStream,
  type NewEvent,
  type RecordedEvent,
  type RunnerOffer,
  type RunnerRenewed,
} from '@foldline/contracts';
import type { Signals } from '@foldline/kernel';
import type { ManualClock } from '@foldline/testing';
import { pipelineContext, plan, type JobSketch } from './plan-builder.ts';
import { offer } from './queued-job.ts';
import { arriving, type Scheduler, type Schedulers } from './schedulers.ts';

export const SECOND = 1_000;

/** A runner as the scheduler knows it: it says hello as long as it can, and hears the answers. */
export class TalkingRunner {
  silent = false;
  draining = false;
  number = 0;
  readonly answers: RunnerRenewed[] = [];

  constructor(
    readonly id: string,
    public epoch: string,
    private readonly signals: Signals,
    private readonly offered: RunnerOffer = offer({ slots: 1 }),
  ) {
    signals.listen(RUNNER_SIGNAL.renewed, (message) => {
      const answer = message as RunnerRenewed;
      if (answer.runnerId === id) this.answers.push(answer);
    });
    signals.listen(RUNNER_SIGNAL.whoIsThere, () => void this.sayHello());
  }

  async sayHello(): Promise<void> {
    if (this.silent) return;
    this.number += 1;
    const { id: runnerId, epoch, number, offered, draining } = this;
    // Twice, as a network may deliver it.
    for (let n = 0; n < 2; n += 1)
      await this.signals.send(RUNNER_SIGNAL.hello, {
        runnerId,
        epoch,
        number,
        alone: false,
        offer: offered,
        ...(draining ? { draining } : {}),
      });
  }

  /** It was stopped, and nothing of what it ran is alive. */
  async sayGoodbye(): Promise<void> {
    this.silent = true;
    for (let n = 0; n < 2; n += 1)
      await this.signals.send(RUNNER_SIGNAL.goodbye, { runnerId: this.id, epoch: this.epoch });
  }
}

/** Signals of one process that can be cut off; by topic when only some get lost. */
export const cuttable = (signals: Signals): Signals & { cut: (topic: string) => boolean } => {
  const cable = {
    cut: (_topic: string): boolean => false,
    send: async (topic: string, message: unknown) => {
      if (!cable.cut(topic)) await signals.send(topic, message);
    },
    listen: (topic: string, listener: (message: unknown) => void) =>
      signals.listen(topic, (message) => {
        if (!cable.cut(topic)) listener(message);
      }),
  };
  return cable;
};

/** What happens around leases, in time that the test lets pass: hellos are said while it does. */
export class LeaseStory {
  readonly runners: TalkingRunner[] = [];
  private serial = 0;

  constructor(
    private readonly schedulers: Schedulers,
    readonly clocks: ManualClock[],
  ) {}

  runner(id: string, epoch = `${id} first`): TalkingRunner {
    const runner = new TalkingRunner(id, epoch, this.schedulers.signals);
    this.runners.push(runner);
    return runner;
  }

  /** Lets time pass for everybody who is not frozen. */
  async pass(ms: number, step = 5 * SECOND): Promise<void> {
    for (let passed = 0; passed < ms; passed += step) {
      for (const clock of this.clocks) clock.advance(step);
      await this.turn();
      for (const runner of this.runners) await runner.sayHello();
    }
  }

  /** Lets time pass until it is so; fails when that takes more time than anything here may take. */
  async until<Found>(find: () => Found | undefined | false, patienceMs = 1_200 * SECOND): Promise<Found> {
    for (let passed = 0; passed < patienceMs; passed += 5 * SECOND) {
      const found = find();
      if (found) return found;
      await this.pass(5 * SECOND);
    }
    throw new Error('this did not come true');
  }

  /** Lets less time pass until it is so than anybody here waits for anything. */
  async atOnce<Found>(find: () => Found | undefined | false): Promise<Found> {
    for (let passed = 0; passed < SECOND; passed += 1) {
      const found = find();
      if (found) return found;
      await this.pass(1, 1);
    }
    throw new Error('this did not come true at once');
  }

  of(stream: string, type: string): RecordedEvent[] {
    return this.schedulers.log.events.filter((event) => event.stream === stream && event.type === type);
  }
  lost(runnerId: string): RecordedEvent | undefined {
    return this.of(runnerStream(runnerId), 'RunnerLost')[0];
  }
  pipeline(type: string, pipelineId = 'p1'): RecordedEvent[] {
    return this.of(`pipeline-${pipelineId}`, type);
  }

  start(scheduler: Scheduler, jobs: readonly (string | JobSketch)[], pipelineId = 'p1'): Promise<void> {
    const command = { type: 'StartPipeline', context: pipelineContext(pipelineId), plan: plan(...jobs) } as const;
    const cause = { id: `start ${(this.serial += 1)}`, actor: { kind: 'user', id: 'ada' } } as const;
    return scheduler.dispatch.handle(pipelineId, command, cause);
  }

  async attemptStarted(jobId: string, runnerId: string): Promise<void> {
    await this.append(jobId, -1, AttemptStarted({ ...about(jobId), runnerId, executor: 'process' }));
  }

  async attemptFinished(jobId: string, runnerId: string): Promise<void> {
    await this.append(jobId, 0, finished(jobId, runnerId));
  }

  /** The news of an attempt's end reaches a scheduler, twice. */
  async tellFinished(scheduler: Scheduler, jobId: string, runnerId: string): Promise<void> {
    const news = arriving(finished(jobId, runnerId), `finished ${jobId}`);
    for (let n = 0; n < 2; n += 1) await scheduler.events.onAttemptFinished(news);
  }

  private async append(jobId: string, expected: number, event: NewEvent): Promise<void> {
    const meta = { causationId: 'runner', correlationId: 'p1', actor: { kind: 'runner', id: 'r' } } as const;
    const id = `${event.type} of ${jobId}`;
    await this.schedulers.store.append(attemptStream(attemptIdOf(jobId, 1)), [{ ...event, ...meta, id }], expected);
  }

  private async turn(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

const about = (jobId: string) => ({ attemptId: attemptIdOf(jobId, 1), pipelineId: 'p1', jobId, attempt: 1 });
const finished = (jobId: string, runnerId: string) =>
  AttemptFinished({ ...about(jobId), runnerId, outcome: 'success', durationMs: 1, commits: [] });

export const millisOf = (event: RecordedEvent | undefined): number => Date.parse(event?.recordedAt ?? '');
