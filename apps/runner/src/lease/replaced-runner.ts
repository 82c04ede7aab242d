import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { PORT, type Logger } from '@foldline/kernel';
import { RunnerLeases } from './runner-leases.service.ts';

/**
 * Ends the process when another one has taken the place of one of its runners. It must not stay: both take events from
 * one consumer group, so half of the jobs that are given to the other would never reach it. It stops in order, without
 * draining; started again it is refused for as long as the other is there.
 */
@Injectable()
export class ReplacedRunner implements OnApplicationBootstrap {
  constructor(
    @Inject(RunnerLeases) private readonly leases: RunnerLeases,
    @Inject(PORT.logger) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.leases.onReplaced((runnerId) => {
      this.logger.error(
        { runnerId },
        'another process has taken the place of this runner, and this one ends: give each process names of its own by FOLDLINE_RUNNERS',
      );
      process.kill(process.pid, 'SIGQUIT');
    });
  }
}
