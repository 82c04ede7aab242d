import { behindTheBus, keepReadModels, runService, type StartService } from '@foldline/distributed';
import { listenFailure } from '@foldline/host';
import { READ_MODELS, READ_MODELS_NAME } from '@foldline/read-models';
import { ApiGatewayEventsModule } from './api-gateway-events.module.ts';
import { createGateway } from './create-gateway.ts';
import { DeliveryMetrics } from './operations/delivery-metrics.queries.ts';

const listening = behindTheBus('api-gateway', ApiGatewayEventsModule);

const start: StartService = async (opened, telemetry) => {
  const { ports } = opened;
  const readModels = keepReadModels(ports, READ_MODELS, READ_MODELS_NAME);
  const events = await listening(opened, telemetry);
  const { app } = await createGateway(ports, telemetry.onStored);
  const delivery = app.get(DeliveryMetrics);
  const { metrics } = telemetry;
  metrics.gauges('foldline_builds', 'Image builds, by status', 'status', () => delivery.buildCounts());
  metrics.gauges('foldline_service_deployments', 'Deployments of services, by status', 'status', () =>
    delivery.deploymentCounts(),
  );
  const { host, port } = ports.settings;
  await app.listen(port, host).catch((error: unknown) => {
    throw listenFailure(error, host, port);
  });
  return {
    url: await app.getUrl(),
    stop: async (now) => {
      now('to answer its last requests');
      await app.close();
      now('to end what it was doing');
      await events.stop(now);
      now('to write the read models');
      await readModels.stop();
    },
  };
};

await runService({ service: 'api-gateway', start, readModelsName: READ_MODELS_NAME, environment: process.env });
