import { detailOf, statusOf } from '@foldline/docker';
import { SiteUnavailable, type ContainerImage, type ContainerSpec, type ServiceSpec } from '@foldline/kernel';
import { fromDockerError } from './docker-error.ts';

/** What a definition says of a container. */
export type Definition = Partial<ContainerImage> &
  Pick<ContainerSpec, 'cpus' | 'memoryBytes'> &
  Partial<Pick<ServiceSpec, 'command'>>;

export const boundsOf = ({ cpus, memoryBytes }: Pick<ContainerSpec, 'cpus' | 'memoryBytes'>): Definition => ({
  ...(cpus !== undefined && { cpus }),
  ...(memoryBytes !== undefined && { memoryBytes }),
});

/** The program that could not be run (runc). */
const PROGRAM = /exec: "([^"]*)"/;

/**
 * Of a container that was to be made or started. What the daemon refuses because of the definition is the author's to
 * change, and a program that the image names and does not have is the image's fault. The status alone does not tell: the
 * daemon takes a user whom nobody knows for trouble of its own, and a wrong platform for an image that is not there.
 */
export const fromRefusal = (error: unknown, definition: Definition, what: string): Error => {
  const reason = reasonOf(error, definition);
  if (!reason) return fromDockerError(error, what);
  return new SiteUnavailable(reason, `Docker could not ${what}: ${detailOf(error)}`, { cause: error });
};

/** Whether the definition names what could not be run. */
export const isOfDefinition = (error: unknown, { entrypoint = [], command = [] }: Definition): boolean =>
  [...entrypoint, ...command].includes(programIn(error) ?? '');

const programIn = (error: unknown): string | undefined => PROGRAM.exec(detailOf(error))?.[1];

const reasonOf = (error: unknown, definition: Definition): 'config_error' | 'image_unusable' | undefined => {
  const status = statusOf(error);
  if (status === undefined) return undefined;
  const detail = detailOf(error);
  const { user, platform, memoryBytes, cpus } = definition;
  if (/unable to find (?:user|group)/.test(detail)) return user === undefined ? undefined : 'config_error';
  if (platform !== undefined && status === 404 && /platform/.test(detail)) return 'config_error';
  if (status !== 400) return undefined;
  if (isOfDefinition(error, definition)) return 'config_error';
  if (programIn(error) !== undefined) return 'image_unusable';
  // Bounds that only the runner sets are its owner's.
  if (/memory limit/i.test(detail) && memoryBytes === undefined) return undefined;
  return /range of CPUs/i.test(detail) && cpus === undefined ? undefined : 'config_error';
};
