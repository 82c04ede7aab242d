import { runService } from '@foldline/distributed';
import { READ_MODELS_NAME } from '@foldline/read-models';
import { startScheduler } from './start-scheduler.ts';

await runService({
  service: 'scheduler',
  start: startScheduler,
  readModelsName: READ_MODELS_NAME,
  environment: process.env,
});
