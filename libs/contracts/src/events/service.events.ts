import { z } from 'zod';
import { defineEvent } from '../event.ts';
import type { ServiceConfig } from '../service.ts';
import { count, text } from './shared.schemas.ts';

const port = z.number().int().min(1).max(65_535);
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
  ports: z.array(z.object({ host: port, container: port })),
  environment: z.record(text, text),
  healthCheck: z.object({ path: text.optional(), port: port.optional(), timeoutSeconds: count }),
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
