export { requireInstanceKey } from './instance-key/require-instance-key.ts';
export { keepReadModels } from './keep-read-models.ts';
export { behindTheBus, runService, type Running, type StartService } from './run-service.ts';
export { type Telemetry } from './telemetry.ts';
export { migrate, type Migration } from './migrate/migrate.ts';
export { progressLines } from './migrate/progress.ts';
export { secretsToCarry } from './migrate/source.ts';
export { verifyCluster } from './replay/verify-cluster.ts';
