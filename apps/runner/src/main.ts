import { behindTheBus, runService, type StartService } from '@foldline/distributed';
import { READ_MODELS_NAME } from '@foldline/read-models';
import { RunnerDrain } from './drain.service.ts';
import { refuseIfTaken } from './lease/sole-process.ts';
import { RunnerModule } from './runner.module.ts';

const startRunner = behindTheBus('runner', RunnerModule, RunnerDrain);
const start: StartService = async (opened, telemetry) => {
  await refuseIfTaken(opened.ports);
  return startRunner(opened, telemetry);
};

await runService({
  service: 'runner',
  start,
  readModelsName: READ_MODELS_NAME,
  environment: process.env,
});
