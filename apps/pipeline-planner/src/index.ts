export { PipelinePlannerModule } from './pipeline-planner.module.ts';
