import { behindTheBus, runService } from '@foldline/distributed';
import { READ_MODELS_NAME } from '@foldline/read-models';
import { DeployerModule } from './deployer.module.ts';

await runService({
  service: 'deployer',
  start: behindTheBus('deployer', DeployerModule),
  readModelsName: READ_MODELS_NAME,
  environment: process.env,
});
