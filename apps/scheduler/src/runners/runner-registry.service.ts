import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import {
  COLLECTION,
  RUNNER_SIGNAL,
  isDraining,
  leaseTerms,
  runnerGoodbye,
  runnerHello,
  runnerStream,
  type RunnerDoc,
  type RunnerGoodbye,
  type RunnerHello,
} from '@foldline/contracts';
import {
  COMMANDS,
  PORT,
  derivedId,
  type Clock,
  type Commands,
  type EventStore,
  type Logger,
  type ReadStore,
  type Settings,
  type Signals,
} from '@foldline/kernel';
import { DispatchService } from '../dispatch/dispatch.service.ts';
import { Leases, type SilentRunner } from './leases.ts';
import { isCurrent, runnerDecider, type RunnerCommand } from './runner.decider.ts';
import { RunnerRoster, isRunnerNews, type RunnerNews } from './runner-roster.ts';

const PAGE = 200;

/**
 * Knows which runners are there. All schedulers hear their hellos; the one that leads records who is new and answers
 * them, and an answer renews the lease that a runner works under.
 */
@Injectable()
export class RunnerRegistry implements BeforeApplicationShutdown {
  readonly leases: Leases;
  readonly roster: RunnerRoster;
  private readonly listening: (() => void)[] = [];
  private letGo: () => void = () => undefined;

  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.eventStore) store: EventStore,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(PORT.signals) private readonly signals: Signals,
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(PORT.settings) { runnerLeaseMs }: Settings,
    @Inject(PORT.logger) private readonly logger: Logger,
    @Inject(DispatchService) private readonly dispatch: DispatchService,
  ) {
    this.leases = new Leases(leaseTerms(runnerLeaseMs));
    this.roster = new RunnerRoster(store, clock);
  }

  /** Reads back what the log knows, and listens from then on; needed once, before this scheduler may lead. */
  async open(): Promise<void> {
    this.dispatch.onRunnerNews((event) => this.learn(event));
    await this.dispatch.rebuild();
    await this.expectThoseWhoWereThere();
    this.listening.push(
      this.signals.listen(RUNNER_SIGNAL.hello, (message) => {
        const hello = runnerHello.safeParse(message);
        if (hello.success) void this.hear(hello.data);
        else this.logger.warn({ err: hello.error }, 'a hello of a runner is not understood');
      }),
      this.signals.listen(RUNNER_SIGNAL.goodbye, (message) => {
        const goodbye = runnerGoodbye.safeParse(message);
        if (goodbye.success && this.dispatch.leads) void this.takeLeave(goodbye.data);
      }),
    );
  }

  /** What a runner was given and will not begin is to be given to others now. */
  onLetGo(listener: () => void): void {
    this.letGo = listener;
  }

  beforeApplicationShutdown(): void {
    for (const stop of this.listening) stop();
  }

  /** This scheduler leads from now on: those who were heard of lately get jobs at once, all others when they say hello. */
  async takeOver(): Promise<void> {
    const now = this.clock.monotonic();
    const present = this.leases.present(now);
    this.leases.renewAll(now);
    this.dispatch.dispatcher.removeRunners();
    for (const hello of present) await this.welcome(hello);
    await this.signals.send(RUNNER_SIGNAL.whoIsThere, {});
  }

  /** Records that a runner is lost; its jobs are given away from what the log says then. */
  async lose({ runnerId, epoch, silentMs }: SilentRunner): Promise<void> {
    const because = `it was silent for ${Math.round(silentMs / 1000)} s`;
    const cause = derivedId('runner lost', runnerId, epoch);
    await this.record(runnerId, { type: 'LoseRunner', runnerId, epoch, because }, cause);
    this.leases.forget(runnerId, epoch);
  }

  private async takeLeave({ runnerId, epoch }: RunnerGoodbye): Promise<void> {
    try {
      const because = 'it was stopped';
      const cause = derivedId('runner stopped', runnerId, epoch);
      await this.record(runnerId, { type: 'LoseRunner', runnerId, epoch, because, inOrder: true }, cause);
    } catch (error) {
      this.logger.error({ err: error, runnerId }, 'a runner was stopped, which is known when its lease is over');
    }
  }

  private async hear(hello: RunnerHello): Promise<void> {
    const heardAt = this.clock.monotonic();
    try {
      const history = await this.roster.historyOf(hello.runnerId);
      if (history.known.has(hello.epoch) && !isCurrent(history, hello.epoch)) return;
      this.leases.heard(hello, heardAt);
      if (this.dispatch.leads) await this.welcome(hello);
    } catch (error) {
      this.logger.error({ err: error, runnerId: hello.runnerId }, 'could not register a runner');
    }
  }

  private async welcome({ number, draining, ...hello }: RunnerHello): Promise<void> {
    const { runnerId, epoch, offer } = hello;
    const known = await this.roster.historyOf(runnerId);
    if (!isCurrent(known, epoch) || JSON.stringify(known.offer) !== JSON.stringify(offer)) {
      // With its number: what is offered may be again what it was before, which is news as well.
      const cause = derivedId('hello', JSON.stringify([runnerId, epoch, number, offer]));
      await this.record(runnerId, { type: 'RegisterRunner', ...hello }, cause);
    }
    if (draining && isCurrent(known, epoch) && !isDraining(known, epoch))
      await this.record(runnerId, { type: 'DrainRunner', runnerId, epoch }, derivedId('draining', runnerId, epoch));
    if (!this.dispatch.leads || !isCurrent(known, epoch)) return;
    if (!isDraining(known, epoch) && !this.dispatch.dispatcher.isRegistered(runnerId, epoch, offer)) {
      this.dispatch.dispatcher.registerRunner(runnerId, offer, epoch);
      this.dispatch.dispatch();
    }
    await this.signals.send(RUNNER_SIGNAL.renewed, { runnerId, epoch, helloNumber: number });
  }

  private async record(runnerId: string, command: RunnerCommand, causeId: string): Promise<void> {
    const cause = { id: causeId, actor: { kind: 'runner', id: runnerId } } as const;
    const { events } = await this.commands.handle(runnerStream(runnerId), runnerDecider, command, cause);
    for (const event of events) if (isRunnerNews(event)) await this.learn(event);
  }

  private async learn(event: RunnerNews): Promise<void> {
    await this.roster.apply(event);
    const { runnerId, epoch } = event.data;
    if (event.type === 'RunnerRegistered') return this.leases.expect(runnerId, epoch, this.clock.monotonic());
    if (this.dispatch.dispatcher.isRegistered(runnerId, epoch)) this.dispatch.dispatcher.removeRunner(runnerId);
    if (event.type === 'RunnerLost') this.leases.forget(runnerId, epoch);
    this.letGo();
  }

  private async expectThoseWhoWereThere(): Promise<void> {
    let after: string | undefined;
    do {
      const query = { index: 'byId', limit: PAGE, ...(after ? { after } : {}) };
      const page = await this.reads.query<RunnerDoc>(COLLECTION.runners, query);
      const now = this.clock.monotonic();
      for (const { id, epoch, status } of page.items) {
        if ((status === 'online' || status === 'draining') && !this.leases.knows(id))
          this.leases.expect(id, epoch, now);
      }
      after = page.nextCursor;
    } while (after);
  }
}
