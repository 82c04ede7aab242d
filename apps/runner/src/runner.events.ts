import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { JobAssigned, JobStopRequested, type Recorded } from '@foldline/contracts';
import type { Assigned } from './execution/attempt-execution.ts';
import { ExecutionService } from './execution/execution.service.ts';

/** Everything a runner listens to. */
@Controller()
export class RunnerEvents {
  constructor(@Inject(ExecutionService) private readonly executions: ExecutionService) {}

  @EventPattern<string>(JobAssigned.type)
  onAssigned(@Payload() event: Assigned): Promise<void> {
    return this.executions.accept(event);
  }

  @EventPattern<string>(JobStopRequested.type)
  onStopRequested(@Payload() event: Recorded<ReturnType<typeof JobStopRequested>>): void {
    this.executions.stop(event);
  }
}
