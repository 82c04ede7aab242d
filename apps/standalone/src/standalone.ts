import 'reflect-metadata';
import { ApiGatewayEventsModule, createGateway } from '@foldline/api-gateway';
import { ArtifactStoreModule } from '@foldline/artifact-store';
import { DeployerModule } from '@foldline/deployer';
import {
  assertCanListen,
  listenFailure,
  openEmbeddedPorts,
  startServices,
  type ServiceDefinition,
} from '@foldline/host';
import type { Ports, Settings } from '@foldline/kernel';
import { NotifierModule } from '@foldline/notifier';
import { PipelinePlannerModule } from '@foldline/pipeline-planner';
import { READ_MODELS, READ_MODELS_NAME } from '@foldline/read-models';
import { RunnerDrain, RunnerModule } from '@foldline/runner';
import { SchedulerModule } from '@foldline/scheduler';

/** The services behind the bus, in the order in which they start: who decides before who acts. */
const SERVICES: readonly ServiceDefinition[] = [
  { name: 'scheduler', module: SchedulerModule },
  { name: 'api-gateway', module: ApiGatewayEventsModule },
  { name: 'pipeline-planner', module: PipelinePlannerModule },
  { name: 'artifact-store', module: ArtifactStoreModule },
  { name: 'deployer', module: DeployerModule },
  { name: 'notifier', module: NotifierModule },
  { name: 'runner', module: RunnerModule, drain: RunnerDrain },
];

export type Standalone = {
  url: string;
  drain: (forced: AbortSignal) => Promise<void>;
  stop: () => Promise<void>;
};

/** All seven services in this process, with nothing beside it. Ready when it returns. */
export const startStandalone = async (settings: Settings): Promise<Standalone> => {
  const { ports, close } = await openEmbeddedPorts(settings, READ_MODELS, READ_MODELS_NAME);
  try {
    await assertCanListen(settings.host, settings.port);
    return await startAll(settings, ports, close);
  } catch (error) {
    await close();
    throw error;
  }
};

const startAll = async (settings: Settings, ports: Ports, close: () => Promise<void>): Promise<Standalone> => {
  const services = await startServices(SERVICES, ports);
  const { app } = await createGateway(ports);
  try {
    await app.listen(settings.port, settings.host);
  } catch (error) {
    await app.close();
    await services.stop();
    throw listenFailure(error, settings.host, settings.port);
  }
  return {
    url: await app.getUrl(),
    drain: services.drain,
    stop: async () => {
      await app.close();
      await services.stop();
      await close();
    },
  };
};
