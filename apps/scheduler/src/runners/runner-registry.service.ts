import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { RUNNER_SIGNAL, runnerStream } from '@foldline/contracts';
import { COMMANDS, PORT, derivedId, type Commands, type Logger, type Signals } from '@foldline/kernel';
import { DispatchService } from '../dispatch/dispatch.service.ts';
import { runnerDecider, type RunnerHello } from './runner.decider.ts';

/** Knows which runners are there: they greet when they start and when asked. */
@Injectable()
export class RunnerRegistry implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private stopListening: () => void = () => undefined;
  private readonly known = new Map<string, string>();

  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.signals) private readonly signals: Signals,
    @Inject(PORT.logger) private readonly logger: Logger,
    @Inject(DispatchService) private readonly dispatch: DispatchService,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.dispatch.rebuild();
    this.stopListening = this.signals.listen(RUNNER_SIGNAL.hello, (message) => {
      const hello = message as RunnerHello;
      this.register(hello).catch((error: unknown) => {
        this.logger.error({ err: error, runnerId: hello.runnerId }, 'could not register a runner');
      });
    });
    await this.signals.send(RUNNER_SIGNAL.whoIsThere, {});
  }

  beforeApplicationShutdown(): void {
    this.stopListening();
  }

  private async register(hello: RunnerHello): Promise<void> {
    const seen = JSON.stringify(hello);
    if (this.known.get(hello.runnerId) === seen) return;
    await this.commands.handle(
      runnerStream(hello.runnerId),
      runnerDecider,
      { type: 'RegisterRunner', ...hello },
      {
        id: derivedId('hello', seen),
        actor: { kind: 'runner', id: hello.runnerId },
      },
    );
    this.known.set(hello.runnerId, seen);
    this.dispatch.dispatcher.registerRunner(hello.runnerId, hello.offer);
    this.dispatch.dispatch();
  }
}
