import { SiteUnavailable, type ContainerSpec, type ServiceSpec } from '@foldline/kernel';

/** Where Docker's own client looks for a daemon. */
export const SOCKET_IN_JOB = '/var/run/docker.sock';

/** Whatever a definition says of where its daemon is: it is told where it is. */
export const CLIENT_OF_DAEMON: Readonly<Record<string, string>> = {
  DOCKER_HOST: `unix://${SOCKET_IN_JOB}`,
  DOCKER_TLS_VERIFY: '',
  DOCKER_CERT_PATH: '',
};

/**
 * Which Docker daemon a job has that asks for one: that of its runner, by its socket on this host; or one of its
 * pipeline's own, which is kept for a while after the last job that used it.
 */
export type DaemonForJobs = { socket: string } | { idleMs: number };

/** `docker:dind`, `docker:28-dind`, `mirror.example.com/docker:dind-rootless` */
const isDaemon = ({ image }: Pick<ServiceSpec, 'image'>): boolean => {
  const [name = '', tag = ''] = (image.split('@')[0]!.split('/').at(-1) ?? '').split(':');
  return name === 'docker' && /(?:^|-)dind(?:-|$)/.test(tag);
};

/**
 * The daemon among the services of a job, where there is one and the runner allows it, and the job without it: no job
 * has a daemon of its own. The runner's makes it as good as root on the runner's host, and shows it all images there.
 */
export const withDaemon = (
  asked: ContainerSpec,
  isAllowed: boolean,
): { asked: ContainerSpec; daemon?: ServiceSpec } => {
  const { services = [] } = asked;
  const daemon = services.find(isDaemon);
  if (!daemon) return { asked };
  if (isAllowed) return { asked: { ...asked, services: services.filter((each) => !isDaemon(each)) }, daemon };
  throw new SiteUnavailable(
    'docker_not_allowed',
    `the service ${daemon.image} asks for a Docker daemon, which gives a job its runner\u2019s host; this runner does not ` +
      'allow it. Who runs it may set `FOLDLINE_DOCKER_IN_JOBS` to `isolated`, a daemon for each pipeline, or `shared`, ' +
      'the runner\u2019s own. To build an image and nothing else no daemon is needed (docs/builds.md)',
  );
};
