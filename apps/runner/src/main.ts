import { behindTheBus, runService } from '@foldline/distributed';
import { READ_MODELS_NAME } from '@foldline/read-models';
import { RunnerModule } from './runner.module.ts';

await runService({
  service: 'runner',
  start: behindTheBus('runner', RunnerModule),
  readModelsName: READ_MODELS_NAME,
  environment: process.env,
});
