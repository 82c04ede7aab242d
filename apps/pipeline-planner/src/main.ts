import { behindTheBus, runService } from '@foldline/distributed';
import { READ_MODELS_NAME } from '@foldline/read-models';
import { PipelinePlannerModule } from './pipeline-planner.module.ts';

await runService({
  service: 'pipeline-planner',
  start: behindTheBus('pipeline-planner', PipelinePlannerModule),
  readModelsName: READ_MODELS_NAME,
  environment: process.env,
});
