import { z } from 'zod';
import { defineEvent } from '../event.ts';
import type { ServiceConfig } from '../service.ts';
import { count, project, sealedVariable, text } from './shared.schemas.ts';

const port = z.number().int().min(1).max(65_535);
const runConfig = {
  ports: z.array(z.object({ host: port, container: port })),
  environment: z.record(text, text),
  healthCheck: z.object({ path: text.optional(), port: port.optional(), timeoutSeconds: count }),
};
const config: z.ZodType<ServiceConfig> = z.object({
  name: text,
  gitUrl: text,
  branch: text,
  autoBuild: z.boolean(),
  contextPath: text,
  dockerfile: text,
  buildArgs: z.record(text, text),
  platform: text,
  buildNetwork: z.enum(['default', 'none']),
  image: text,
  registries: z.array(text),
  ...runConfig,
});

const service = { serviceId: text, number: count, projectId: text };

export const ServiceRegistered = defineEvent(
  'ServiceRegistered',
  1,
  z.object({ ...service, projectNumber: count, config }),
);

/** How the service is built and run from now on. */
export const ServiceChanged = defineEvent('ServiceChanged', 1, z.object({ ...service, config }));

/** Nothing is built or deployed any more, and what runs of it is to end. */
export const ServiceRemoved = defineEvent('ServiceRemoved', 1, z.object(service));

/** A number is somebody's: that of the event's place in its stream, counted from 1. */
export const NumberTaken = defineEvent('NumberTaken', 1, z.object({ of: text }));

const deployment = { deploymentId: text, serviceId: text };

/** Everything that is needed to deploy: whoever does it reads nothing else. */
const wanted = z.object({
  ...deployment,
  number: count,
  service: z.object({ number: count, name: text }),
  project,
  projectNumber: count,
  /** As it was asked for, and where it may be had, the best place first. */
  imageTag: text,
  images: z.array(text).min(1),
  /** The very image, where it has run before. */
  imageId: text.optional(),
  reason: text.optional(),
  /** Of a rollback: the deployment that is taken back, and the one whose image comes again. */
  rollback: z.object({ of: text, to: count }).optional(),
  run: z.object(runConfig),
  projectVariables: z.array(sealedVariable),
});
export type WantedDeployment = z.infer<typeof wanted>;

/** Somebody wants an image of the service to run. */
export const ServiceDeploymentRequested = defineEvent('ServiceDeploymentRequested', 1, wanted);

/** Somebody wants the deployment to end before it takes over. */
export const ServiceDeploymentCancelRequested = defineEvent(
  'ServiceDeploymentCancelRequested',
  1,
  z.object(deployment),
);

export const ServiceDeploymentStarted = defineEvent('ServiceDeploymentStarted', 1, wanted);

/** From `switch` on it takes over, and cannot be cancelled any more. */
export const DEPLOYMENT_PHASES = ['image', 'start', 'check', 'switch'] as const;
export const ServiceDeploymentAdvanced = defineEvent(
  'ServiceDeploymentAdvanced',
  1,
  z.object({ ...deployment, phase: z.enum(DEPLOYMENT_PHASES) }),
);

/** It does not take over any more; its container is being removed. */
export const ServiceDeploymentCancelling = defineEvent('ServiceDeploymentCancelling', 1, z.object(deployment));

/** What is asked of the service goes to this deployment from now on. */
export const ServiceDeploymentSucceeded = defineEvent(
  'ServiceDeploymentSucceeded',
  1,
  z.object({ ...deployment, number: count, image: text, imageId: text }),
);

/** What ran before goes on. */
export const ServiceDeploymentFailed = defineEvent(
  'ServiceDeploymentFailed',
  1,
  z.object({ ...deployment, code: text, because: text }),
);

/** Another deployment has brought back what ran before this one. */
export const ServiceDeploymentRolledBack = defineEvent(
  'ServiceDeploymentRolledBack',
  1,
  z.object({ ...deployment, by: text }),
);
