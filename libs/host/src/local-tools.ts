import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createDockerExecutor, openDocker, type DockerDaemon } from '@foldline/executor-docker';
import { createDockerServices, noServices } from '@foldline/services-docker';
import { createDockerImages, noImages } from '@foldline/images-docker';
import { createProcessExecutor } from '@foldline/executor-process';
import { createGitRepositories } from '@foldline/git-cli';
import { createOutboundHttp } from '@foldline/http-outbound';
import type { ServiceName } from '@foldline/contracts';
import type { Executor, Logger, Ports, Settings } from '@foldline/kernel';
import { Spawner } from '@foldline/spawner';
import { inContainersWhereAsked } from './containers-where-asked.ts';
import { createLogger } from './log.ts';
import { systemClock, ulidIds } from './system.ts';

type LocalTools = {
  ports: Pick<
    Ports,
    'clock' | 'ids' | 'logger' | 'executor' | 'images' | 'serviceDriver' | 'sourceRepository' | 'outboundHttp'
  >;
  close: () => Promise<void>;
};

/**
 * What every process has of its own host, whatever the mode: its clock, its programs, its copies of repositories. A
 * process that is one service names it in its log.
 */
export const openLocalTools = (settings: Settings, service?: ServiceName): LocalTools => {
  const { dataDirectory, logLevel, allowPrivateTargets, docker } = settings;
  const spawner = new Spawner();
  const processes = createProcessExecutor({
    baseEnvironment: {
      ...inherited(JOB_INHERITS),
      ...(docker?.inJobs.kind === 'shared' && { DOCKER_HOST: docker.host }),
    },
    directory: join(dataDirectory, 'runners/pipes'),
    spawner,
  });
  const logger = createLogger(logLevel, service);
  const daemon = docker && openDocker(docker.host);
  const containers = daemon && containersOf(daemon, docker, dataDirectory, logger);
  const executor = inContainersWhereAsked(processes, containers);
  return {
    ports: {
      clock: systemClock,
      ids: ulidIds(),
      logger,
      executor,
      images: daemon ? createDockerImages(daemon.client) : noImages,
      serviceDriver: daemon ? createDockerServices(daemon.client) : noServices,
      sourceRepository: createGitRepositories({
        directory: join(dataDirectory, 'repos'),
        environment: inherited(['PATH', 'HOME', 'SSH_AUTH_SOCK']),
        spawner,
      }),
      outboundHttp: createOutboundHttp({ allowPrivateTargets }),
    },
    close: async () => {
      await executor.close();
      await spawner.close();
    },
  };
};

const containersOf = (
  docker: DockerDaemon,
  { host, inJobs, warm, policy }: NonNullable<Settings['docker']>,
  directory: string,
  logger: Logger,
): Executor =>
  createDockerExecutor({
    docker,
    directory,
    warm,
    network: 'foldline-jobs',
    limits: policy,
    ...(inJobs.kind === 'shared' && { daemonForJobs: { socket: new URL(host).pathname } }),
    ...(inJobs.kind === 'isolated' && { daemonForJobs: { idleMs: inJobs.idleMs } }),
    credentials: ownCredentials,
    warn: (message, err) => logger.warn({ err }, message),
  });

/** Where Docker's own client keeps what its user has logged in with. */
const ownCredentials = async (): Promise<string | undefined> => {
  const directory = process.env['DOCKER_CONFIG'] ?? join(homedir(), '.docker');
  return readFile(join(directory, 'config.json'), 'utf8').catch(() => undefined);
};

/** What a job's shell inherits from the server: where programs are, and nothing that is the server's own business. */
const JOB_INHERITS = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'USER', 'SHELL'];
const inherited = (names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
