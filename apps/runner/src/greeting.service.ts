import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { RUNNER_SIGNAL, runnerRenewed } from '@foldline/contracts';
import { PORT, type Clock, type Executor, type Logger, type Settings, type Signals } from '@foldline/kernel';
import { ExecutionService } from './execution/execution.service.ts';
import type { RunnerLease } from './lease/runner-lease.ts';
import { RunnerLeases } from './lease/runner-leases.service.ts';

/** How often it is said that a runner drains until the log says so too, and for how long at most. */
const DRAINING_MS = { again: 250, most: 5_000 };

/** A daemon that is being stopped answers for a while, and one that comes back is met by the next hello. */
const WITHOUT_DOCKER_MS = 5_000;

/**
 * Says which runners this process has: when it starts, when it is asked, and now and then. The answers renew their
 * leases. Says goodbye when nothing is left of what they ran.
 */
@Injectable()
export class GreetingService implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  private draining = false;
  private withoutDockerUntil = 0;
  private readonly closing = new AbortController();
  private readonly listening: (() => void)[] = [];

  constructor(
    @Inject(PORT.settings) private readonly settings: Settings,
    @Inject(PORT.executor) private readonly executor: Executor,
    @Inject(PORT.signals) private readonly signals: Signals,
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(PORT.logger) private readonly logger: Logger,
    @Inject(RunnerLeases) private readonly leases: RunnerLeases,
    @Inject(ExecutionService) private readonly executions: ExecutionService,
  ) {
    executions.onWithoutDocker(() => this.sayThatDockerIsGone());
  }

  /** Nobody hears of these runners before everything is dead that an earlier process has left. */
  async onApplicationBootstrap(): Promise<void> {
    await this.executions.recover();
    this.listening.push(
      this.signals.listen(RUNNER_SIGNAL.whoIsThere, () => void this.greetAll()),
      this.signals.listen(RUNNER_SIGNAL.renewed, (message) => {
        const renewed = runnerRenewed.safeParse(message);
        if (!renewed.success) return;
        const { runnerId, epoch, helloNumber } = renewed.data;
        this.leases.answered(runnerId, epoch, helloNumber);
      }),
    );
    this.leases.onBegun((lease) => void this.greet(lease));
    this.leases.keep();
    void this.keepGreeting();
  }

  beforeApplicationShutdown(): void {
    for (const stop of this.listening) stop();
    this.closing.abort();
  }

  /** Not before everything that was begun has ended: after this, nothing is waited for any more. */
  async onApplicationShutdown(): Promise<void> {
    const those = this.leases.all.filter(({ alone }) => !alone);
    await Promise.all(
      those.map(({ runnerId, epoch }) =>
        this.signals.send(RUNNER_SIGNAL.goodbye, { runnerId, epoch }).catch((err: unknown) => {
          this.logger.debug({ err, runnerId }, 'a runner could not say goodbye');
        }),
      ),
    );
  }

  /**
   * Nothing is begun any more, and from now on every hello says so. Resolves when the log says it too, which makes the
   * scheduler give away what was not begun; when that does not come, the end of the lease will.
   */
  async sayThatItDrains(forced: AbortSignal): Promise<void> {
    this.draining = true;
    const since = this.clock.monotonic();
    while (!forced.aborted && this.clock.monotonic() - since < DRAINING_MS.most) {
      await this.greetAll();
      await this.clock.sleep(DRAINING_MS.again, forced);
      await this.leases.lookNow();
      if (this.leases.all.every((lease) => lease.letsGo(lease.epoch))) return;
    }
  }

  /** So that nothing that needs it is given to these runners. */
  private async sayThatDockerIsGone(): Promise<void> {
    this.withoutDockerUntil = this.clock.monotonic() + WITHOUT_DOCKER_MS;
    await this.greetAll();
  }

  private async keepGreeting(): Promise<void> {
    while (!this.closing.signal.aborted) {
      void this.greetAll();
      await this.clock.sleep(this.leases.terms.helloMs, this.closing.signal);
    }
  }

  private async greetAll(): Promise<void> {
    await Promise.all(this.leases.all.map((lease) => this.greet(lease)));
  }

  private async greet(lease: RunnerLease): Promise<void> {
    if (this.closing.signal.aborted) return;
    const { runnerId, epoch, alone } = lease;
    const known = this.settings.runners.find(({ id }) => id === runnerId);
    const executors = await this.executors();
    const number = lease.sayHello(this.clock.monotonic());
    if (!known || number === undefined) return;
    try {
      await this.signals.send(RUNNER_SIGNAL.hello, {
        runnerId,
        epoch,
        number,
        alone,
        offer: { ...known.offer, executors },
        ...(this.draining ? { draining: true } : {}),
      });
    } catch (err) {
      this.logger.debug({ err, runnerId }, 'a runner could not say hello');
    }
  }

  /** A daemon that jobs would need may come and go. */
  private async executors(): Promise<string[]> {
    const kinds = await this.executor.kinds();
    const isGone = this.clock.monotonic() < this.withoutDockerUntil;
    return isGone ? kinds.filter((kind) => kind !== 'docker') : kinds;
  }
}
