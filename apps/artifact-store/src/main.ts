import { behindTheBus, runService } from '@foldline/distributed';
import { READ_MODELS_NAME } from '@foldline/read-models';
import { ArtifactStoreModule } from './artifact-store.module.ts';

await runService({
  service: 'artifact-store',
  start: behindTheBus('artifact-store', ArtifactStoreModule),
  readModelsName: READ_MODELS_NAME,
  environment: process.env,
});
