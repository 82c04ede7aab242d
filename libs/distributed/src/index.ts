export { keepReadModels } from './keep-read-models.ts';
export { behindTheBus, runService, type Running, type StartService } from './run-service.ts';
export { type Telemetry } from './telemetry.ts';
