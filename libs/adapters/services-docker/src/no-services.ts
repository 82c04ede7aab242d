import { ServiceFailure, type ServiceDriver } from '@foldline/kernel';

const refuse = (): Promise<never> =>
  Promise.reject(
    new ServiceFailure('needs_docker', 'services run in containers, and FOLDLINE_DOCKER_HOST names no daemon here'),
  );

/** Where there is no daemon: nothing runs, and whoever wants something to run is told so. */
export const noServices: ServiceDriver = {
  start: refuse,
  standing: async () => undefined,
  deploymentsOf: async () => [],
  lastOutput: async () => '',
  stop: async () => undefined,
  remove: async () => undefined,
};
