export { SETTINGS, readSettings } from './config.ts';
export { openEmbeddedPorts, type EmbeddedPorts } from './embedded-ports.ts';
export { EmbeddedTransport } from './embedded-transport.ts';
export { createLogger } from './log.ts';
export { PortsModule } from './ports.module.ts';
export { PROJECTION_NAME, Projector } from './projector.ts';
export { startServices, type ServiceDefinition } from './run-services.ts';
export { aesSecretBox, localSignals, systemClock, ulidIds } from './system.ts';
export { version } from './version.ts';
