import { randomBytes } from 'node:crypto';
import type { ContainerCreateOptions } from 'dockerode';
import type { ContainerOptions } from '@foldline/contracts';

/** In memory, and the attempt's alone: the scripts of its steps, which may hold secrets. */
export const PRIVATE_DIRECTORY = '/.foldline';

/** Whose a container is: a runner's, by its data directory, one process of it, and one piece of what that has made. */
export const LABEL = { instance: 'foldline.instance', process: 'foldline.process', piece: 'foldline.piece' } as const;

/** What root in a container may do: what package managers need, and nothing that reaches beyond the container. */
const CAPABILITIES = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'SETGID',
  'SETUID',
  'SYS_CHROOT',
  'NET_BIND_SERVICE',
];

/** Of `/tmp` in memory, where a container may take as much of that as there is. */
const TMP_BYTES = 2 ** 30;

/** What people find it by. The daemon lets a name be used anew only when the earlier container of it is gone. */
export const nameFor = (attemptId: string, part = ''): string =>
  `foldline-${attemptId}-${part}${randomBytes(3).toString('hex')}`;

/** What no job may exceed, whatever it asks for. */
export type ContainerLimits = {
  pids: number;
  /** Whether only the workspace, `/tmp` and what the image declares as volumes can be written. */
  isReadOnly?: boolean;
  /** Of a job that asks for nothing. */
  memoryBytes?: number;
  cpus?: number;
  /** Of which no container has more: the daemon refuses it. */
  cpusOfHost?: number;
  diskBytes?: number;
  /** Who all jobs run as; services are who their images say. */
  user?: string;
};

/** What all containers have that are made for jobs. */
export type Belonging = {
  labels: Readonly<Record<string, string>>;
  network: string;
  limits: ContainerLimits;
  /** Cores, for example 0.5. */
  cpus?: number;
  memoryBytes?: number;
};

export type JobContainer = Belonging &
  Pick<ContainerOptions, 'entrypoint' | 'user'> & {
    image: string;
    /** Directories of this host, by where they are in the container. */
    mounts: readonly { from: string; at: string }[];
  };

export type ServiceContainerOptions = Belonging &
  Pick<ContainerOptions, 'entrypoint' | 'user'> & {
    image: string;
    command?: readonly string[];
    environment: Readonly<Record<string, string>>;
    aliases: readonly string[];
  };

/** What services write is kept for when they fail. */
export const LOG_OF_SERVICES = { Type: 'json-file', Config: { 'max-size': '4m', 'max-file': '1' } };

/** A container whose first process is a shell that waits to be told what to run. */
export const containerOptions = (job: JobContainer): ContainerCreateOptions => {
  const { isReadOnly = false, user = job.user } = job.limits;
  const { memoryBytes = job.limits.memoryBytes } = job;
  const common = commonOptions({ ...job, ...(user !== undefined && { user }) });
  return {
    ...common,
    Cmd: ['sh'],
    OpenStdin: true,
    // When its runner has died, one that waits for a job reads the end, and ends.
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    HostConfig: {
      ...common.HostConfig,
      Mounts: job.mounts.map(({ from, at }) => ({ Type: 'bind', Source: from, Target: at })),
      Tmpfs: { [PRIVATE_DIRECTORY]: 'mode=1777,size=64m', ...(isReadOnly && { '/tmp': inMemory(memoryBytes) }) },
      // Output goes to who is attached, and nowhere else.
      LogConfig: { Type: 'none', Config: {} },
      ReadonlyRootfs: isReadOnly,
    },
  };
};

/** What is there takes of the memory of the container: some is left for its processes. */
const inMemory = (memoryBytes = 2 * TMP_BYTES): string => `mode=1777,size=${Math.floor(memoryBytes / 2)}`;

/** A container beside that of the job, which does what its image is for. */
export const serviceOptions = (service: ServiceContainerOptions): ContainerCreateOptions => {
  const { command, environment, aliases, network } = service;
  const common = commonOptions(service);
  return {
    ...common,
    ...(command && { Cmd: [...command] }),
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    HostConfig: { ...common.HostConfig, LogConfig: LOG_OF_SERVICES },
    NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: [...aliases] } } },
  };
};

type Common = Belonging & Pick<JobContainer, 'image' | 'entrypoint' | 'user'>;

export const commonOptions = (spec: Common): ContainerCreateOptions => {
  const { entrypoint, limits, cpus = limits.cpus, memoryBytes = limits.memoryBytes } = spec;
  return {
    Image: spec.image,
    // One empty text resets it (Docker Engine API, "Create a container").
    ...(entrypoint && { Entrypoint: entrypoint.length === 0 ? [''] : [...entrypoint] }),
    ...(spec.user !== undefined && { User: spec.user }),
    Tty: false,
    Labels: { ...spec.labels },
    HostConfig: {
      NetworkMode: spec.network,
      CapDrop: ['ALL'],
      CapAdd: CAPABILITIES,
      SecurityOpt: ['no-new-privileges'],
      PidsLimit: limits.pids,
      ...(cpus !== undefined && { NanoCpus: Math.round(Math.min(cpus, limits.cpusOfHost ?? cpus) * 1e9) }),
      // Without the same bound for both, swap would be given on top.
      ...(memoryBytes !== undefined && { Memory: memoryBytes, MemorySwap: memoryBytes }),
    },
  };
};
