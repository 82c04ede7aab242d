import { isDeepStrictEqual } from 'node:util';
import type { ContainerCreateOptions } from 'dockerode';
import type { ServiceSpec } from '@foldline/kernel';
import { LOG_OF_SERVICES, commonOptions, type Belonging } from './container-options.ts';

/** Where in its container the directory is in which its socket appears, and its name there. */
const DIRECTORY = '/foldline';
export const SOCKET = 'docker.sock';
export const SOCKET_IN_DAEMON = `${DIRECTORY}/${SOCKET}`;

export type DaemonContainer = Belonging & {
  image: string;
  /** What the image runs whatever it is given by: for Docker's own images, `dockerd-entrypoint.sh`. */
  entrypoint: readonly string[];
  /** More flags for the daemon. */
  flags: readonly string[];
  environment: Readonly<Record<string, string>>;
  /** Which its containers ask, unless the flags name others. */
  nameServers: readonly string[];
  /** Of this host, where its socket appears. */
  directory: string;
};

/**
 * The container sees its own control groups as the topmost ones, and may change them from then on. So the containers that
 * it starts are below it: its bounds are theirs, and they go when it goes. What is no mount of its own cannot be changed.
 */
const WITH_OWN_GROUPS =
  'for each in /sys/fs/cgroup /sys/fs/cgroup/*; do mount -o remount,bind,rw none "$each" 2>/dev/null; done; exec "$@"';

/** Reserved for measurements (RFC 2544), so no network that it is connected to later has the same addresses. */
const ADDRESSES = '--default-address-pool=base=198.18.0.0/15,size=24';

/** The proxies of whoever defines it, and how it keeps images. All else is a job's, and every job could read it there. */
const IS_FOR_DAEMON = /^(?:(?:https?|no)_proxy|docker_driver)$/i;

/** How the definition of a daemon differs from that which it was started with; what is no matter for it is left out. */
export const differences = (one: ServiceSpec, other: ServiceSpec): string[] => {
  const aspects: [string, (service: ServiceSpec) => unknown][] = [
    ['another image', ({ image }) => image],
    ['another entrypoint', ({ entrypoint }) => entrypoint],
    ['another command', ({ command }) => command],
    ['other variables', ({ environment }) => passedOn(environment).toSorted()],
  ];
  return aspects.flatMap(([what, of]) => (isDeepStrictEqual(of(one), of(other)) ? [] : [what]));
};

const passedOn = (environment: Readonly<Record<string, string>>): [string, string][] =>
  Object.entries(environment).filter(([name]) => IS_FOR_DAEMON.test(name));

const RIGHTS = {
  CapAdd: ['ALL'],
  CapDrop: ['SYS_RESOURCE'],
  SecurityOpt: ['seccomp=unconfined', 'apparmor=unconfined', 'label=disable'],
  MaskedPaths: [] as string[],
  ReadonlyPaths: [] as string[],
  DeviceCgroupRules: ['a *:* rwm'],
  CgroupnsMode: 'private',
};

/** What it keeps lies on a file system of the host: layers cannot be stacked on layers. */
const PLAIN = { NoCopy: true, DriverConfig: { Name: 'local', Options: {} } };

/**
 * A Docker daemon in a container, with the rights that it needs to start others. That is not all that `privileged` gives,
 * which a host cannot give that lacks a right itself, and yet enough to take the host: this tells pipelines apart that
 * mean no harm, and is no wall.
 */
export const daemonOptions = (daemon: DaemonContainer): ContainerCreateOptions => {
  const { entrypoint, flags, environment, nameServers, directory, labels } = daemon;
  const common = commonOptions({ ...daemon, entrypoint: ['sh', '-c', WITH_OWN_GROUPS, 'sh'] });
  const servers = flags.some((flag) => flag.startsWith('--dns')) ? [] : nameServers;
  const ownFlags = [`--host=unix://${SOCKET_IN_DAEMON}`, ADDRESSES, ...servers.map((server) => `--dns=${server}`)];
  return {
    ...common,
    User: '0:0',
    // An entrypoint that makes keys unless it is told not to would take seconds, for nobody.
    Env: [...passedOn(environment).map(([name, value]) => `${name}=${value}`), 'DOCKER_TLS_CERTDIR='],
    Cmd: [...entrypoint, 'dockerd', ...ownFlags, ...flags],
    HostConfig: {
      ...common.HostConfig,
      LogConfig: LOG_OF_SERVICES,
      ...RIGHTS,
      Mounts: [
        { Type: 'bind', Source: directory, Target: DIRECTORY },
        { Type: 'volume', Source: '', Target: '/var/lib/docker', VolumeOptions: { Labels: { ...labels }, ...PLAIN } },
      ],
    },
  };
};
