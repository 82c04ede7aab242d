import { Inject, Injectable } from '@nestjs/common';
import { PORT, type Logger } from '@foldline/kernel';
import { ExecutionService } from './execution/execution.service.ts';
import { GreetingService } from './greeting.service.ts';

/** Lets what runs come to its end before this process is stopped, and has everything else given to others. */
@Injectable()
export class RunnerDrain {
  constructor(
    @Inject(ExecutionService) private readonly executions: ExecutionService,
    @Inject(GreetingService) private readonly greeting: GreetingService,
    @Inject(PORT.logger) private readonly logger: Logger,
  ) {}

  /** Resolves when nothing runs any more, or at once when it is forced; stopping kills what runs then. */
  async drain(forced: AbortSignal): Promise<void> {
    this.logger.info({}, 'the runner drains: it finishes what it has begun and begins nothing more');
    const isForced = new Promise<void>((resolve) => {
      if (forced.aborted) resolve();
      else forced.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([this.finish(forced), isForced]);
    this.logger.info({ forced: forced.aborted }, 'the runner has drained');
  }

  private async finish(forced: AbortSignal): Promise<void> {
    await this.executions.beginNothingMore();
    await this.greeting.sayThatItDrains(forced);
    await this.executions.idle();
  }
}
