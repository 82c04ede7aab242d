export {
  readServerSettings,
  readServiceSettings,
  readSettings,
  type HostSettings,
  type ServiceSettings,
} from './config.ts';
export { assertCanListen, listenFailure } from './address.ts';
export { SETTINGS } from './settings-table.ts';
export { type RunnerPool } from './runner-pools.ts';
export { SERVER_SETTINGS, type ServerSettings } from './server-settings.ts';
export { openEmbeddedPorts, type EmbeddedPorts } from './embedded-ports.ts';
export { BusTransport, type Around } from './bus-transport.ts';
export { openLocalTools } from './local-tools.ts';
export { createLogger } from './log.ts';
export { PortsModule } from './ports.module.ts';
export { ProjectionWriter } from './projection-writer.ts';
export { PROJECTION_NAME, Projector } from './projector.ts';
export { startServices, type Drains, type Observer, type ServiceDefinition } from './run-services.ts';
export { aesSecretBox, localSignals, systemClock, ulidIds } from './system.ts';
export { compareReadModels, type LiveReadModels } from './compare-read-models.ts';
export { verifyReplay, type ReplayReport } from './verify-replay.ts';
export { version } from './version.ts';
export { exitBecause, messageOf, stopOnSignals } from './process-life.ts';
