import { keepReadModels, runService, type StartService } from '@foldline/distributed';
import { READ_MODELS, READ_MODELS_NAME } from '@foldline/read-models';
import { createGateway } from './create-gateway.ts';

const start: StartService = async ({ ports }) => {
  const readModels = keepReadModels(ports, READ_MODELS, READ_MODELS_NAME);
  const { app } = await createGateway(ports);
  await app.listen(ports.settings.port, ports.settings.host);
  return {
    url: await app.getUrl(),
    stop: async () => {
      await app.close();
      await readModels.stop();
    },
  };
};

await runService({ service: 'api-gateway', start, readModelsName: READ_MODELS_NAME, environment: process.env });
