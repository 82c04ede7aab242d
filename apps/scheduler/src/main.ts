import { behindTheBus, runService } from '@foldline/distributed';
import { READ_MODELS_NAME } from '@foldline/read-models';
import { SchedulerModule } from './scheduler.module.ts';

await runService({
  service: 'scheduler',
  start: behindTheBus('scheduler', SchedulerModule),
  readModelsName: READ_MODELS_NAME,
  environment: process.env,
});
