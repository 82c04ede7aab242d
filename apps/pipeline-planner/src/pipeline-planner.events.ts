import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { PipelineRequested, type Recorded } from '@foldline/contracts';
import { PlanOnPipelineRequested } from './plan/plan-on-pipeline-requested.policy.ts';

/** Everything the planner listens to. */
@Controller()
export class PipelinePlannerEvents {
  constructor(@Inject(PlanOnPipelineRequested) private readonly planning: PlanOnPipelineRequested) {}

  @EventPattern<string>(PipelineRequested.type)
  onRequested(@Payload() event: Recorded<ReturnType<typeof PipelineRequested>>): Promise<void> {
    return this.planning.plan(event);
  }
}
