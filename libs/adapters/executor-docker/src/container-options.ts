import type { ContainerCreateOptions } from 'dockerode';

/** In memory, and the attempt's alone: the scripts of its steps, which may hold secrets. */
export const PRIVATE_DIRECTORY = '/.foldline';

export const LABEL = { attempt: 'foldline.attempt', instance: 'foldline.instance' } as const;

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

/** What no job may exceed, whatever it asks for. */
export type ContainerLimits = {
  pids: number;
  /** Whether only the workspace, `/tmp` and what the image declares as volumes can be written. */
  isReadOnly?: boolean;
};

export type JobContainer = {
  attemptId: string;
  instance: string;
  image: string;
  /** Replaces the image's own; an empty list takes it away. */
  entrypoint?: readonly string[];
  user?: string;
  /** Cores, for example 0.5. */
  cpus?: number;
  memoryBytes?: number;
  /** Directories of this host, by where they are in the container. */
  mounts: readonly { from: string; at: string }[];
  network: string;
  limits: ContainerLimits;
};

/** A container whose first process is a shell that waits to be told what to run. */
export const containerOptions = (job: JobContainer): ContainerCreateOptions => {
  const { cpus, memoryBytes, limits } = job;
  const { pids, isReadOnly = false } = limits;
  return {
    Image: job.image,
    Cmd: ['sh'],
    ...(job.entrypoint && { Entrypoint: [...job.entrypoint] }),
    ...(job.user !== undefined && { User: job.user }),
    OpenStdin: true,
    StdinOnce: false,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
    Labels: { [LABEL.attempt]: job.attemptId, [LABEL.instance]: job.instance },
    HostConfig: {
      Mounts: job.mounts.map(({ from, at }) => ({ Type: 'bind', Source: from, Target: at })),
      Tmpfs: { [PRIVATE_DIRECTORY]: 'mode=1777,size=64m', ...(isReadOnly && { '/tmp': 'mode=1777' }) },
      NetworkMode: job.network,
      // Output goes to who is attached, and nowhere else.
      LogConfig: { Type: 'none', Config: {} },
      CapDrop: ['ALL'],
      CapAdd: CAPABILITIES,
      SecurityOpt: ['no-new-privileges'],
      PidsLimit: pids,
      ReadonlyRootfs: isReadOnly,
      ...(cpus !== undefined && { NanoCpus: Math.round(cpus * 1e9) }),
      // Without the same bound for both, swap would be given on top.
      ...(memoryBytes !== undefined && { Memory: memoryBytes, MemorySwap: memoryBytes }),
    },
  };
};
