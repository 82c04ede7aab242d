import type { ContainerOptions } from '@foldline/contracts';

/** Of an attempt: where its steps run, one after the other. */
export type SiteSpec = {
  /** Marks everything that the attempt has running, so that what is left of it is found. */
  attemptId: string;
  /** Jobs of one pipeline may share what others do not see; without it the attempt shares nothing. */
  pipelineId?: string;
  workspace: string;
  /** Resolves when the workspace holds what the job begins with: the place may be made meanwhile. Rejects when it never will. */
  filled?: Promise<void>;
  /** What the job asks for; without it the job runs as processes of the host. */
  container?: ContainerSpec;
  /** A directory of this attempt outside the workspace, for the shell script and its like. */
  scratchDirectory: string;
  /** Told while the place is made, line by line: what is waited for, and what is not as it should be. */
  notices?: { tell: (line: string) => void; warn: (line: string) => void };
};

/** Below this is all that a container sees of its host. */
export const SITE_ROOT = '/builds';

/** `workspaceAt` is where the workspace is in the container, and `mounts` what else is there by its path on the host. */
export type ContainerSpec = ContainerImage & {
  workspaceAt: string;
  mounts: readonly { from: string; at: string }[];
  /** Cores and bytes; without them as much as the host has. */
  cpus?: number;
  memoryBytes?: number;
  diskBytes?: number;
  /** Containers beside that of the job. */
  services?: readonly ServiceSpec[];
  /** What the services write is told as well. */
  tellsOfServices?: boolean;
  /** With what images may be fetched: JSON as Docker's own `config.json`. */
  credentials?: string;
};

export type ContainerImage = ContainerOptions & { image: string };

/** The job reaches it by its aliases and by names that its image gives it. */
export type ServiceSpec = ContainerImage & {
  aliases: readonly string[];
  command?: readonly string[];
  environment: Readonly<Record<string, string>>;
};

/** `id` is what the daemon knows the image by, `digest` its content in the registry, where it has one. */
export type ImageInUse = { image: string; id: string; digest?: string };

/** One step. */
export type ExecutionSpec = {
  /** Commands run in order by one shell that stops at the first failure, in the workspace. */
  commands: readonly string[];
  environment: Readonly<Record<string, string>>;
  /** Called with output in the order in which it was written, stdout and stderr as one; awaited, so it slows the job down. */
  onOutput: (chunk: Buffer) => Promise<void> | void;
};

/**
 * `exitCode` is absent when a signal ended the shell, where the executor can tell that from an exit with 128 and the
 * signal's number. `outOfMemory`: a process of the step was ended for taking more memory than it may; `outOfDisk`: the
 * step was ended because more of the disk was used.
 */
export type ExecutionResult = {
  exitCode?: number;
  signal?: string;
  outOfMemory?: true;
  outOfDisk?: true;
  /** Absent where it could not be measured. */
  usage?: ResourceUsage;
};

/**
 * What a step used, and all processes that it waited for: CPU time, what was read from and written to disks, and, where
 * the executor can tell, the most memory that its place has held so far.
 */
export type ResourceUsage = { cpuMs: number; peakMemoryBytes?: number; readBytes?: number; writtenBytes?: number };

export interface Execution {
  /** Settles after the shell ended, every process it left was killed and its last byte of output was handed over. */
  readonly finished: Promise<ExecutionResult>;
  /** SIGTERM to all its processes now, SIGKILL to those alive after the grace period. Safe to call twice. */
  stop(graceMs: number): void;
}

/** Where the steps of one attempt run. What one of them leaves in the file system, the next one finds. */
export interface Site {
  /** What its containers are of, that of the job first. */
  readonly images?: readonly ImageInUse[];
  /** Whether its container was there before anybody asked for it. */
  readonly isWarm?: boolean;
  /**
   * Runs the commands of one step; one at a time. A command that fails is a result; the engine being unable to run it is
   * a thrown `TransientError` (try again) or `PermanentError`.
   */
  start(spec: ExecutionSpec): Promise<Execution>;
  /**
   * Between two steps: `work` finds the workspace where it was when the place was opened, as the steps have made it.
   * Answers why there is no such moment, where all that later steps may need is not in the workspace, or not readable.
   */
  lend(work: () => Promise<void>): Promise<string | undefined>;
  /** Nothing of the attempt is running any more when it resolves. Safe to call twice. */
  close(): Promise<void>;
}

/** Makes places for jobs to run in. */
export interface Executor {
  /** How jobs can be run here and now, for example `process`: what a runner offers. */
  kinds(): Promise<string[]>;
  /** How such a job would be run, for example `process`; recorded with each attempt. */
  kindOf(job: { image?: string | undefined }): string;
  /** An attempt will ask in a moment for a place with this image, whose name may hold variables; nothing need be done. */
  expect?(attemptId: string, image: string): void;
  /** Throws `SiteUnavailable` where there is no such place. Aborting `signal` gives up waiting for it. */
  open(spec: SiteSpec, signal?: AbortSignal): Promise<Site>;
  /** Kills whatever a crashed runner left of this attempt. Resolves when nothing is left; idempotent. */
  sweep(attemptId: string): Promise<{ killed: number }>;
  /** Nothing is opened any more; what was made ready for later is removed. */
  close(): Promise<void>;
}
