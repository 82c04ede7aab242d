import { join } from 'node:path';
import { createDockerExecutor, openDocker } from '@foldline/executor-docker';
import { createDockerServices, noServices } from '@foldline/services-docker';
import { createDockerImages, noImages } from '@foldline/images-docker';
import { createProcessExecutor } from '@foldline/executor-process';
import { createGitRepositories } from '@foldline/git-cli';
import { createOutboundHttp } from '@foldline/http-outbound';
import type { ServiceName } from '@foldline/contracts';
import type { Executor, Ports, Settings } from '@foldline/kernel';
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
export const openLocalTools = (
  { dataDirectory, logLevel, allowPrivateTargets, dockerHost }: Settings,
  service?: ServiceName,
): LocalTools => {
  const spawner = new Spawner();
  const docker = dockerHost === undefined ? undefined : openDocker(dockerHost);
  return {
    ports: {
      clock: systemClock,
      ids: ulidIds(),
      logger: createLogger(logLevel, service),
      executor: inContainersWhereAsked(
        createProcessExecutor({
          baseEnvironment: inherited(JOB_INHERITS),
          directory: join(dataDirectory, 'runners/pipes'),
          spawner,
        }),
        docker && containersOf(docker, dataDirectory),
      ),
      images: docker ? createDockerImages(docker) : noImages,
      serviceDriver: docker ? createDockerServices(docker) : noServices,
      sourceRepository: createGitRepositories({
        directory: join(dataDirectory, 'repos'),
        environment: inherited(['PATH', 'HOME', 'SSH_AUTH_SOCK']),
        spawner,
      }),
      outboundHttp: createOutboundHttp({ allowPrivateTargets }),
    },
    close: () => spawner.close(),
  };
};

/** As many processes as a large build starts at once, and far fewer than a host has. */
const MOST_PROCESSES = 4_096;

const containersOf = (docker: ReturnType<typeof openDocker>, directory: string): Executor =>
  createDockerExecutor({
    docker,
    directory,
    network: 'foldline-jobs',
    limits: { pids: MOST_PROCESSES },
  });

/** What a job's shell inherits from the server: where programs are, and nothing that is the server's own business. */
const JOB_INHERITS = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'USER', 'SHELL'];
const inherited = (names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
