/** The seven services, by the name of their folder under `apps/`. */
export const SERVICES = [
  'api-gateway',
  'pipeline-planner',
  'scheduler',
  'runner',
  'artifact-store',
  'deployer',
  'notifier',
] as const;
export type ServiceName = (typeof SERVICES)[number];

/** Who may append to which stream category: exactly one service each. The command loop refuses everyone else. */
export const OWNER = {
  trigger: 'api-gateway',
  project: 'api-gateway',
  service: 'api-gateway',
  number: 'api-gateway',
  access: 'api-gateway',
  plan: 'pipeline-planner',
  schedule: 'pipeline-planner',
  pipeline: 'scheduler',
  runner: 'scheduler',
  group: 'scheduler',
  attempt: 'runner',
  artifact: 'artifact-store',
  cache: 'artifact-store',
  log: 'artifact-store',
  snapshot: 'artifact-store',
  maintenance: 'artifact-store',
  deployment: 'deployer',
  environment: 'deployer',
  subscription: 'notifier',
  notification: 'notifier',
  alert: 'notifier',
} as const satisfies Record<string, ServiceName>;
export type Category = keyof typeof OWNER;
export type StreamName = `${Category}-${string}`;

export const categoryOf = (stream: string): Category => {
  const category = stream.slice(0, Math.max(0, stream.indexOf('-')));
  if (!(category in OWNER)) throw new Error(`"${stream}" is not in a known stream category`);
  return category as Category;
};

export const triggerStream = (pipelineId: string): StreamName => `trigger-${pipelineId}`;
export const serviceStream = (serviceId: string): StreamName => `service-${serviceId}`;
/** Each event of it stands for one number: that of its place. */
export const numberStream = (kind: NumberKind): StreamName => `number-${kind}`;
export type NumberKind = 'projects' | 'services' | 'builds' | 'deployments';
export const projectStream = (projectId: string): StreamName => `project-${projectId}`;
export const planStream = (pipelineId: string): StreamName => `plan-${pipelineId}`;
export const pipelineStream = (pipelineId: string): StreamName => `pipeline-${pipelineId}`;
export const runnerStream = (runnerId: string): StreamName => `runner-${runnerId}`;
export const groupStream = (groupId: string): StreamName => `group-${groupId}`;
export const attemptStream = (attemptId: string): StreamName => `attempt-${attemptId}`;
export const artifactStream = (artifactId: string): StreamName => `artifact-${artifactId}`;
export const cacheStream = (cacheId: string): StreamName => `cache-${cacheId}`;
export const snapshotStream = (attemptId: string, step: number): StreamName => `snapshot-${attemptId}.${step}`;
export const logStream = (attemptId: string): StreamName => `log-${attemptId}`;
/** Each look at what is kept has one of its own. */
export const maintenanceStream = (passId: string): StreamName => `maintenance-${passId}`;
export const deploymentStream = (deploymentId: string): StreamName => `deployment-${deploymentId}`;
export const environmentStream = (environmentId: string): StreamName => `environment-${environmentId}`;
export const subscriptionStream = (subscriptionId: string): StreamName => `subscription-${subscriptionId}`;
export const alertStream = (projectId: string): StreamName => `alert-${projectId}`;
export const notificationStream = (notificationId: string): StreamName => `notification-${notificationId}`;
