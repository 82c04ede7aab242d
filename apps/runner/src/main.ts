import { behindTheBus, runService, type StartService } from '@foldline/distributed';
import { createLogger, exitBecause, readServiceSettings } from '@foldline/host';
import { READ_MODELS_NAME } from '@foldline/read-models';
import { RunnerDrain } from './drain.service.ts';
import { lockRunners } from './lease/sole-directory.ts';
import { refuseIfTaken } from './lease/sole-process.ts';
import { RunnerModule } from './runner.module.ts';

const startRunner = behindTheBus('runner', RunnerModule, RunnerDrain);
const start: StartService = async (opened, telemetry) => {
  await refuseIfTaken(opened.ports);
  return startRunner(opened, telemetry);
};

// Opening the ports already clears away what an earlier process has left in the directory.
try {
  const { dataDirectory, logLevel } = readServiceSettings(process.env, 'runner');
  await lockRunners({ dataDirectory, path: process.env['PATH'], logger: createLogger(logLevel) });
} catch (error) {
  exitBecause(error);
}

await runService({
  service: 'runner',
  start,
  readModelsName: READ_MODELS_NAME,
  environment: process.env,
});
