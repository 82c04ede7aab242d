import { Module } from '@nestjs/common';
import { PipelinePlannerEvents } from './pipeline-planner.events.ts';
import { PlanOnPipelineRequested } from './plan/plan-on-pipeline-requested.policy.ts';

@Module({ controllers: [PipelinePlannerEvents], providers: [PlanOnPipelineRequested] })
export class PipelinePlannerModule {}
