import type { HealthCheck, PublishedPort, ServiceConfig } from '@foldline/contracts';
import { z } from 'zod';
import { textsIn } from '../http/texts-in.ts';
import { invalidRequest, pointerTo, type FieldError } from '../http/validation.pipe.ts';
import type { BuildBody, ChangeServiceBody } from './service-bodies.ts';

const HEALTH_TIMEOUT = { usual: 60, most: 3600 };

/** What is said of a service, in the words of its events; what is not said is not there. Refuses with every mistake. */
export const changesIn = (body: ChangeServiceBody): Partial<ServiceConfig> => {
  const errors: FieldError[] = [];
  const changes = {
    ...buildChangesIn(body, errors),
    ...given('branch', body.branch),
    ...given('autoBuild', body.auto_build),
    ...given('image', imageIn(body.image, errors)),
    ...given('registries', body.registries),
    ...given('ports', portsIn(body.ports, errors)),
    ...given('environment', textsIn('/environment', body.environment, errors)),
    ...given('healthCheck', healthCheckIn(body.health_check, errors)),
  };
  if (errors.length > 0) throw invalidRequest(errors);
  return changes;
};

type BuildChanges = Partial<
  Pick<ServiceConfig, 'gitUrl' | 'contextPath' | 'dockerfile' | 'buildArgs' | 'platform' | 'buildNetwork'>
>;
const buildChangesIn = (body: BuildBody, errors: FieldError[]): BuildChanges => ({
  ...given('gitUrl', body.git_url),
  ...given('contextPath', body.context_path),
  ...given('dockerfile', body.dockerfile),
  ...given('buildArgs', textsIn('/build_args', body.build_args, errors)),
  ...given('platform', body.platform),
  ...given('buildNetwork', body.build_network),
});

/** The same of one build. */
export const buildChanges = (body: BuildBody): BuildChanges => {
  const errors: FieldError[] = [];
  const changes = buildChangesIn(body, errors);
  if (errors.length > 0) throw invalidRequest(errors);
  return changes;
};

/** A service of which nothing else is said. */
export const usualConfig = (name: string, project: { url: string; defaultBranch: string }): ServiceConfig => ({
  name,
  gitUrl: project.url,
  branch: project.defaultBranch,
  autoBuild: true,
  contextPath: '.',
  dockerfile: 'Dockerfile',
  buildArgs: {},
  platform: 'linux/amd64',
  buildNetwork: 'default',
  image: name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-'),
  registries: [],
  ports: [],
  environment: {},
  healthCheck: { timeoutSeconds: HEALTH_TIMEOUT.usual },
});

const given = <Name extends string, Value>(name: Name, value: Value | undefined): { [Key in Name]?: Value } =>
  value === undefined ? {} : ({ [name]: value } as { [Key in Name]: Value });

/** What stands before the first slash would be taken for a registry when it looks like a host. */
const imageIn = (image: string | undefined, errors: FieldError[]): string | undefined => {
  const first = image?.includes('/') ? image.split('/')[0]! : '';
  if (/[.:]/.test(first) || first === 'localhost')
    errors.push({ pointer: '/image', message: `${first} is a registry: name it under registries` });
  return image;
};

const portsIn = (ports: readonly string[] | undefined, errors: FieldError[]): PublishedPort[] | undefined => {
  const found = ports?.map((text, index) => {
    const [host, container] = text.split(':').map(Number) as [number, number];
    if ([host, container].some((port) => port < 1 || port > 65_535))
      errors.push({ pointer: `/ports/${index}`, message: 'a port is a number from 1 to 65535' });
    return { host, container };
  });
  if (found && new Set(found.map(({ host }) => host)).size < found.length)
    errors.push({ pointer: '/ports', message: 'each port of the host can be published once' });
  return found;
};

const healthCheck = z.strictObject({
  path: z
    .string()
    .regex(/^\/[^\s]{0,1023}$/, 'a path begins with a slash')
    .optional(),
  port: z.number().int().min(1).max(65_535).optional(),
  timeout_seconds: z.number().int().min(1).max(HEALTH_TIMEOUT.most).default(HEALTH_TIMEOUT.usual),
});

const healthCheckIn = (
  asked: Readonly<Record<string, unknown>> | undefined,
  errors: FieldError[],
): HealthCheck | undefined => {
  if (asked === undefined) return undefined;
  const found = healthCheck.safeParse(asked);
  if (!found.success) {
    for (const { path, message } of found.error.issues)
      errors.push({ pointer: `/health_check${path.map((part) => pointerTo(String(part))).join('')}`, message });
    return undefined;
  }
  const { path, port, timeout_seconds: timeoutSeconds } = found.data;
  return { ...given('path', path), ...given('port', port), timeoutSeconds };
};
