import type { Projection } from '@foldline/kernel';
import { alertsProjection, alertWatchesProjection } from './alerts.projection.ts';
import { buildsProjection } from './builds.projection.ts';
import { deploymentsProjection, environmentsProjection } from './delivery.projection.ts';
import { jobsProjection } from './jobs.projection.ts';
import { metricsProjection } from './metrics.projection.ts';
import { notificationsProjection, subscriptionsProjection } from './notifications.projection.ts';
import { deliveriesProjection, runnersProjection } from './operations.projection.ts';
import { pipelinesProjection } from './pipelines.projection.ts';
import { projectsProjection } from './projects.projection.ts';
import { commitTestsProjection, flakyTestsProjection, scansProjection } from './reports.projection.ts';
import { resourceGroupsProjection } from './resource-groups.projection.ts';
import { serviceDeploymentsProjection } from './service-deployments.projection.ts';
import { servicesProjection } from './services.projection.ts';
import {
  artifactsProjection,
  cachesProjection,
  pruningsProjection,
  snapshotsProjection,
} from './storage.projection.ts';
import { submittedJobsProjection } from './submitted-jobs.projection.ts';

/** Every document that queries answer from, as folds over the log. */
export const READ_MODELS: readonly Projection[] = [
  projectsProjection,
  pipelinesProjection,
  jobsProjection,
  artifactsProjection,
  cachesProjection,
  snapshotsProjection,
  pruningsProjection,
  environmentsProjection,
  deploymentsProjection,
  subscriptionsProjection,
  notificationsProjection,
  runnersProjection,
  resourceGroupsProjection,
  servicesProjection,
  buildsProjection,
  submittedJobsProjection,
  serviceDeploymentsProjection,
  metricsProjection,
  alertWatchesProjection,
  alertsProjection,
  commitTestsProjection,
  flakyTestsProjection,
  scansProjection,
  deliveriesProjection,
];
