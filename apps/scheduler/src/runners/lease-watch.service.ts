import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { RUNNER_SIGNAL, leaseTerms, schedulerEcho, type LeaseTerms } from '@foldline/contracts';
import {
  PORT,
  type Claims,
  type Clock,
  type EventStore,
  type Logger,
  type Settings,
  type Signals,
} from '@foldline/kernel';
import { StartDelayedJobs } from '../delays/start-delayed.background.ts';
import { DispatchService } from '../dispatch/dispatch.service.ts';
import { GiveAway } from './give-away.ts';
import { RunnerRegistry } from './runner-registry.service.ts';

/** A scheduler that leads and goes silent is replaced after this. */
const CLAIM = { name: 'scheduler', ttlMs: 10_000 };
const CONTEND_AGAIN_MS = 1_000;

/**
 * Contends for the lead, and while this scheduler leads looks whom it has not heard of: a silent runner gets no new jobs
 * and is lost at last. Whoever could not hear has no say: after a time in which this process stood still, or did not
 * hear its own signals, every lease counts as renewed.
 */
@Injectable()
export class LeaseWatch implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly closing = new AbortController();
  private readonly scheduler = randomUUID();
  private readonly terms: LeaseTerms;
  private readonly giveAway: GiveAway;
  private contending: Promise<void> = Promise.resolve();
  private stopListening: () => void = () => undefined;
  /** When the last echo that was heard had been sent. */
  private echoedAt = 0;
  private blind = false;
  private readonly losing = new Set<string>();

  constructor(
    @Inject(PORT.eventStore) store: EventStore,
    @Inject(PORT.claims) private readonly claims: Claims,
    @Inject(PORT.signals) private readonly signals: Signals,
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(PORT.settings) { runnerLeaseMs }: Settings,
    @Inject(PORT.logger) private readonly logger: Logger,
    @Inject(DispatchService) private readonly dispatch: DispatchService,
    @Inject(RunnerRegistry) private readonly registry: RunnerRegistry,
    @Inject(StartDelayedJobs) private readonly delayed: StartDelayedJobs,
  ) {
    this.terms = leaseTerms(runnerLeaseMs);
    this.giveAway = new GiveAway(this.terms, { store, clock, logger, dispatch, roster: registry.roster });
  }

  async onApplicationBootstrap(): Promise<void> {
    this.registry.onLetGo(() => void this.giveAway.sweep());
    this.dispatch.onStrayed((running) => void this.giveAway.look(running));
    await this.registry.open();
    this.stopListening = this.signals.listen(RUNNER_SIGNAL.echo, (message) => {
      const echo = schedulerEcho.safeParse(message);
      if (echo.success && echo.data.scheduler === this.scheduler)
        this.echoedAt = Math.max(this.echoedAt, echo.data.sentAt);
    });
    this.contending = this.contend();
    void this.keepWatch();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopListening();
    this.closing.abort();
    await this.contending;
  }

  private async contend(): Promise<void> {
    const { signal } = this.closing;
    while (!signal.aborted) {
      try {
        await this.claims.contend({ ...CLAIM, signal, onChange: (held) => this.lead(held) });
      } catch (err) {
        this.lead(false);
        this.logger.error({ err }, 'the scheduler cannot contend for the lead');
      }
      await this.clock.sleep(CONTEND_AGAIN_MS, signal);
    }
  }

  private lead(leads: boolean): void {
    if (leads && this.closing.signal.aborted) return;
    if (leads !== this.dispatch.leads)
      this.logger.info({}, leads ? 'this scheduler leads' : 'this scheduler stands by');
    this.echoedAt = this.clock.monotonic();
    this.dispatch.lead(leads);
    this.delayed.lead(leads);
    if (!leads) return;
    this.registry.takeOver().catch((err: unknown) => {
      this.logger.error({ err }, 'not every runner is known yet; the others are when they say hello');
    });
    void this.giveAway.sweep();
  }

  private async keepWatch(): Promise<void> {
    while (!this.closing.signal.aborted) {
      await this.clock.sleep(this.terms.watchMs, this.closing.signal);
      if (this.dispatch.leads) this.watch();
    }
  }

  private watch(): void {
    const now = this.clock.monotonic();
    const { leases } = this.registry;
    // The last echo is old in both cases: none came, or none was sent.
    this.tellBlindness(now - this.echoedAt > this.terms.suspectMs);
    if (this.blind) leases.renewAll(now);
    for (const { runnerId } of leases.suspects(now)) this.dispatch.dispatcher.removeRunner(runnerId);
    for (const silent of leases.lost(now)) void this.lose(silent);
    void this.giveAway.sweep();
    void this.sendEcho(now);
  }

  /** Not awaited by the watch: while the log refuses it, time goes on, and it is tried again. */
  private async lose(silent: Parameters<RunnerRegistry['lose']>[0]): Promise<void> {
    const { runnerId, epoch } = silent;
    if (this.losing.has(runnerId)) return;
    this.losing.add(runnerId);
    try {
      await this.registry.lose(silent);
      this.logger.warn({ runnerId, epoch }, 'a runner is lost');
    } catch (err) {
      this.logger.error({ err, runnerId }, 'that a runner is lost could not be recorded yet');
    } finally {
      this.losing.delete(runnerId);
    }
  }

  private tellBlindness(blind: boolean): void {
    if (blind && !this.blind)
      this.logger.warn({}, 'the scheduler stood still or does not hear its own signals: no runner is lost');
    this.blind = blind;
  }

  private async sendEcho(sentAt: number): Promise<void> {
    try {
      await this.signals.send(RUNNER_SIGNAL.echo, { scheduler: this.scheduler, sentAt });
    } catch (err) {
      this.logger.debug({ err }, 'the scheduler cannot send signals');
    }
  }
}
