import { behindTheBus, runService } from '@foldline/distributed';
import { READ_MODELS_NAME } from '@foldline/read-models';
import { RunnerDrain } from './drain.service.ts';
import { RunnerModule } from './runner.module.ts';

await runService({
  service: 'runner',
  start: behindTheBus('runner', RunnerModule, RunnerDrain),
  readModelsName: READ_MODELS_NAME,
  environment: process.env,
});
