import { behindTheBus, runService } from '@foldline/distributed';
import { READ_MODELS_NAME } from '@foldline/read-models';
import { NotifierModule } from './notifier.module.ts';

await runService({
  service: 'notifier',
  start: behindTheBus('notifier', NotifierModule),
  readModelsName: READ_MODELS_NAME,
  environment: process.env,
});
