import type { RunnerOffer } from '@foldline/contracts';
import type { AllowedHost } from '../allowed-hosts.ts';
import type { Claims } from './claims.port.ts';
import type { Clock, Ids, Logger, SecretBox } from './environment.ports.ts';
import type { EventBus, Signals } from './event-bus.port.ts';
import type { EventStore } from './event-store.port.ts';
import type { Executor } from './executor.port.ts';
import type { Images } from './images.port.ts';
import type { LogStore } from './log-store.port.ts';
import type { ObjectStore } from './object-store.port.ts';
import type { OutboundHttp } from './outbound-http.port.ts';
import type { ServiceDriver } from './service-driver.port.ts';
import type { ReadModels, ReadStore } from './read-store.port.ts';
import type { SourceRepository } from './source-repository.port.ts';

/**
 * What goes before what, in the one currency of waiting (S1-30): a step of priority is worth so much of it, so a job of
 * low priority that has waited long enough goes before one of high priority that has just come, and nothing starves. Each
 * job that its project has on runners counts against a job, so that one project does not keep the others waiting.
 */
export type QueueRules = {
  priorityMs: number;
  runningMs: number;
  /** Jobs that a project may have on runners at the same time. */
  projectLimit: number;
};

/** How long what can be made again is kept, in milliseconds and bytes; what is absent has no end or no limit. */
export type RetentionRules = {
  /** Caches that nobody has restored or saved for so long. */
  cacheMs: number;
  /** What the steps of jobs have made, taken so long ago. */
  snapshotMs: number;
  /** Stored bytes of caches, of one project and in all; those that were used least recently go first. */
  projectCacheBytes?: number;
  cacheBytes?: number;
  /** The output of submitted jobs that ended so long ago, and of all others. */
  submittedLogMs: number;
  logMs?: number;
  /** What is to be free on the disk that everything lies on, where it is one of this host. */
  diskReserveBytes: number;
};

/** What the process was started with; every value is checked before anything runs. */
export type Settings = {
  mode: 'standalone' | 'distributed';
  host: string;
  port: number;
  /** Where people reach this server from outside, without a slash at the end; absent when it does not know. */
  url?: string;
  dataDirectory: string;
  logLevel: string;
  /** Given by the operator, or made at the first start and kept in the data directory. */
  adminToken: string;
  webhookSecret: string;
  /** The runners of this process by id; none in a process that runs no jobs. */
  runners: readonly { id: string; offer: RunnerOffer }[];
  /** A runner that was silent for so long is lost, and its jobs go to others. */
  runnerLeaseMs: number;
  /** Owners whose jobs may run on high-power clusters (S0-65); `*` is everybody. */
  highPowerOwners: readonly string[];
  /** While more jobs than these wait for a runner, the API takes no further wishes for pipelines. */
  queueLimit: { total: number; perProject: number };
  queueRules: QueueRules;
  /** Whether trees are mounted where that is possible, and how much of them a runner keeps on its disk. */
  layers: { mounts: boolean; diskBytes: number };
  retention: RetentionRules;
  /** Lets notifications and includes go to private and loopback addresses. */
  allowPrivateTargets: boolean;
  /** From which definitions may include files by their address. */
  includeHosts: readonly AllowedHost[];
  /** Where the Docker daemon is whose containers jobs with an image run in, and how many wait for jobs, for how long. */
  docker?: {
    host: string;
    /** `images` are those of which one always waits. */
    warm: { size: number; idleMs: number; images: readonly string[] };
    /** Which one jobs have that ask for one, and how long one of a pipeline is kept that no job uses. */
    inJobs: { kind: 'none' | 'shared' | 'isolated'; idleMs: number };
    /** What no job exceeds, and what one has that asks for nothing else. */
    policy: {
      pids: number;
      isReadOnly: boolean;
      memoryBytes?: number;
      diskBytes?: number;
      cpus?: number;
      user?: string;
    };
  };
  /** Images that are built, and services that are deployed, at once by one process. */
  buildWorkers: number;
  /** Where the log of each build is written as a file, besides. */
  buildLogDirectory: string;
  version: string;
};

/** Everything outside a service, by port. A service never knows which adapter it has. */
export type Ports = {
  settings: Settings;
  eventStore: EventStore;
  eventBus: EventBus;
  signals: Signals;
  claims: Claims;
  objectStore: ObjectStore;
  readStore: ReadStore;
  readModels: ReadModels;
  logStore: LogStore;
  executor: Executor;
  images: Images;
  serviceDriver: ServiceDriver;
  sourceRepository: SourceRepository;
  outboundHttp: OutboundHttp;
  clock: Clock;
  ids: Ids;
  secretBox: SecretBox;
  logger: Logger;
};

/** Injection tokens: `@Inject(PORT.clock) clock: Clock`. */
export const PORT = {
  settings: Symbol('Settings'),
  eventStore: Symbol('EventStore'),
  eventBus: Symbol('EventBus'),
  signals: Symbol('Signals'),
  claims: Symbol('Claims'),
  objectStore: Symbol('ObjectStore'),
  readStore: Symbol('ReadStore'),
  readModels: Symbol('ReadModels'),
  logStore: Symbol('LogStore'),
  executor: Symbol('Executor'),
  images: Symbol('Images'),
  serviceDriver: Symbol('ServiceDriver'),
  sourceRepository: Symbol('SourceRepository'),
  outboundHttp: Symbol('OutboundHttp'),
  clock: Symbol('Clock'),
  ids: Symbol('Ids'),
  secretBox: Symbol('SecretBox'),
  logger: Symbol('Logger'),
} as const satisfies Record<keyof Ports, symbol>;

/** The command loop of the service itself, with its right to append. */
export const COMMANDS = Symbol('Commands');
