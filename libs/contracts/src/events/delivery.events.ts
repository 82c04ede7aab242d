import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { channel, NOTIFICATION_MOMENTS } from './project.events.ts';
import { count, text } from './shared.schemas.ts';

const deployment = {
  deploymentId: text,
  environmentId: text,
  projectId: text,
  environment: text,
  pipelineId: text,
  jobId: text,
};

export const DeploymentStarted = defineEvent(
  'DeploymentStarted',
  1,
  z.object({ ...deployment, sha: text, ref: text, url: text.optional() }),
);
export const DeploymentSucceeded = defineEvent(
  'DeploymentSucceeded',
  1,
  /** `url` when it was known only at the end. */
  z.object({ ...deployment, url: text.optional() }),
);
/** Why a deployment has failed that somebody cancelled: that is no failure of what was deployed. */
export const DEPLOYMENT_CANCELLED = 'cancelled';
export const DeploymentFailed = defineEvent('DeploymentFailed', 1, z.object({ ...deployment, because: text }));

const environment = { environmentId: text, projectId: text, name: text };
export const EnvironmentCreated = defineEvent('EnvironmentCreated', 1, z.object(environment));
/** What runs in the environment now. */
export const EnvironmentDeployed = defineEvent(
  'EnvironmentDeployed',
  1,
  z.object({ ...environment, deploymentId: text, sha: text, ref: text, url: text.optional() }),
);

export const SubscriptionCreated = defineEvent(
  'SubscriptionCreated',
  1,
  z.object({ subscriptionId: text, projectId: text, channel, on: z.array(z.enum(NOTIFICATION_MOMENTS)) }),
);
export const SubscriptionRemoved = defineEvent(
  'SubscriptionRemoved',
  1,
  z.object({ subscriptionId: text, projectId: text }),
);

const notification = { notificationId: text, subscriptionId: text };
/** A message that must go out; `notificationId` is also the delivery id that the receiver sees. */
export const NotificationRequested = defineEvent(
  'NotificationRequested',
  1,
  z.object({
    ...notification,
    projectId: text,
    /** Absent of what is no pipeline's doing. */
    pipelineId: text.optional(),
    channel,
    payload: z.record(text, z.unknown()),
  }),
);
export const NotificationAttempted = defineEvent(
  'NotificationAttempted',
  1,
  z.object({
    ...notification,
    attempt: count,
    status: z.number().optional(),
    error: text.optional(),
    durationMs: z.number(),
  }),
);
export const NotificationDelivered = defineEvent(
  'NotificationDelivered',
  1,
  z.object({ ...notification, attempt: count }),
);
export const NotificationAbandoned = defineEvent(
  'NotificationAbandoned',
  1,
  z.object({ ...notification, because: text }),
);
