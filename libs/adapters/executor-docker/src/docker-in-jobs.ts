import { SiteUnavailable, type ContainerSpec, type ServiceSpec } from '@foldline/kernel';

/** Where Docker's own client looks for a daemon. */
export const SOCKET_IN_JOB = '/var/run/docker.sock';

/** Whatever a definition says of a daemon that it starts itself: it has none. */
export const CLIENT_OF_DAEMON: Readonly<Record<string, string>> = {
  DOCKER_HOST: `unix://${SOCKET_IN_JOB}`,
  DOCKER_TLS_VERIFY: '',
  DOCKER_CERT_PATH: '',
};

/** `docker:dind`, `docker:28-dind`, `mirror.example.com/docker:dind-rootless` */
const isDaemon = ({ image }: Pick<ServiceSpec, 'image'>): boolean => {
  const [name = '', tag = ''] = (image.split('@')[0]!.split('/').at(-1) ?? '').split(':');
  return name === 'docker' && /(?:^|-)dind(?:-|$)/.test(tag);
};

/**
 * A job with a Docker daemon among its services gets that of the runner, where the runner allows it: it is then as good
 * as root on the runner's host, and sees all images there.
 */
export const withDaemon = (asked: ContainerSpec, isAllowed: boolean): { asked: ContainerSpec; usesDaemon: boolean } => {
  const { services = [] } = asked;
  const daemon = services.find(isDaemon);
  if (!daemon) return { asked, usesDaemon: false };
  if (isAllowed) return { asked: { ...asked, services: services.filter((each) => !isDaemon(each)) }, usesDaemon: true };
  throw new SiteUnavailable(
    'docker_not_allowed',
    `the service ${daemon.image} asks for a Docker daemon, which gives a job its runner\u2019s host; ` +
      'this runner does not allow it (`FOLDLINE_DOCKER_IN_JOBS`)',
  );
};
