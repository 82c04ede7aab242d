import type Docker from 'dockerode';
import { statusOf } from '@foldline/docker';
import { ServiceFailure, type ContainerStanding, type ServiceContainer, type ServiceDriver } from '@foldline/kernel';
import { plainOutput } from './plain-output.ts';

const LABEL = { deployment: 'foldline.deployment', service: 'foldline.service' } as const;
const NAME_TAKEN = 409;
const MISSING = 404;
/** It is as it was asked to be, which dockerode takes for an error. */
const UNCHANGED = 304;
const LAST_LINES = 20;
/** What a container writes is kept by the daemon, and not without end. */
const LOGS = { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } };

/** Containers of services at the Docker daemon of this host. `docker` is asked for when the first one is needed. */
export const createDockerServices = (docker: () => Promise<Docker>): ServiceDriver => new DockerServices(docker);

class DockerServices implements ServiceDriver {
  constructor(private readonly docker: () => Promise<Docker>) {}

  async start(wanted: ServiceContainer): Promise<ContainerStanding> {
    return this.#asking('start the container of a service', async (docker) => {
      await ensureNetwork(docker, wanted.network);
      // Whoever was faster has made the same.
      await docker.createContainer(this.#optionsOf(wanted)).catch(unless(NAME_TAKEN));
      const container = docker.getContainer(nameOf(wanted.deploymentId));
      await container.start().catch(unless(UNCHANGED));
      return standingOf(wanted.deploymentId, await container.inspect());
    });
  }

  async standing(deploymentId: string): Promise<ContainerStanding | undefined> {
    return this.#asking('ask how a service stands', async (docker) => {
      const found = await docker.getContainer(nameOf(deploymentId)).inspect().catch(unless(MISSING));
      return found && standingOf(deploymentId, found);
    });
  }

  async deploymentsOf(serviceId: string): Promise<string[]> {
    return this.#asking('look for containers of a service', async (docker) => {
      const label = [`${LABEL.service}=${serviceId}`];
      const found = await docker.listContainers({ all: true, filters: { label } });
      return found.toSorted((a, b) => b.Created - a.Created).map(({ Labels }) => Labels[LABEL.deployment]!);
    });
  }

  async lastOutput(deploymentId: string): Promise<string> {
    return this.#asking('read what a service has written', async (docker) => {
      const asked = { stdout: true, stderr: true, tail: LAST_LINES, follow: false } as const;
      const bytes = await docker.getContainer(nameOf(deploymentId)).logs(asked).catch(unless(MISSING));
      return bytes ? plainOutput(bytes) : '';
    });
  }

  async stop(deploymentId: string, graceMs: number): Promise<void> {
    await this.#asking('stop a service', async (docker) => {
      const container = docker.getContainer(nameOf(deploymentId));
      await container.stop({ t: Math.ceil(graceMs / 1000) }).catch(unless(MISSING, UNCHANGED));
    });
  }

  async remove(deploymentId: string): Promise<void> {
    await this.#asking('remove a service', async (docker) => {
      const container = docker.getContainer(nameOf(deploymentId));
      await container.remove({ force: true, v: true }).catch(unless(MISSING, NAME_TAKEN));
    });
  }

  #optionsOf({ deploymentId, serviceId, image, environment, network, alias }: ServiceContainer) {
    return {
      name: nameOf(deploymentId),
      Image: image,
      Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      Labels: { [LABEL.deployment]: deploymentId, [LABEL.service]: serviceId },
      HostConfig: {
        NetworkMode: network,
        Init: true,
        LogConfig: LOGS,
        SecurityOpt: ['no-new-privileges'],
        // It comes back with its daemon, unless it was stopped.
        RestartPolicy: { Name: 'unless-stopped' },
      },
      NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: [alias] } } },
    };
  }

  async #asking<Answer>(what: string, ask: (docker: Docker) => Promise<Answer>): Promise<Answer> {
    try {
      return await ask(await this.docker());
    } catch (error) {
      if (error instanceof ServiceFailure) throw error;
      const code = codeOf(statusOf(error));
      const detail = error instanceof Error ? error.message : String(error);
      throw new ServiceFailure(code, `Docker could not ${what}: ${detail}`, { cause: error });
    }
  }
}

/** The name is what makes a deployment's container the only one. */
const nameOf = (deploymentId: string): string => `foldline-${deploymentId}`;

/** A daemon that does not answer is not there; what it does not know of a new container is its image. */
const codeOf = (status: number | undefined): ServiceFailure['code'] => {
  if (status === undefined) return 'docker_unavailable';
  return status === MISSING ? 'image_not_found' : 'container_refused';
};

/** What the daemon answers with one of these is no trouble. */
const unless =
  (...statuses: number[]) =>
  (error: unknown): undefined => {
    if (!statuses.includes(Number(statusOf(error)))) throw error;
    return undefined;
  };

const ensureNetwork = async (docker: Docker, name: string): Promise<void> => {
  const networks = await docker.listNetworks({ filters: { name: [name] } });
  if (networks.some(({ Name }) => Name === name)) return;
  await docker.createNetwork({ Name: name, Driver: 'bridge', CheckDuplicate: true }).catch(unless(NAME_TAKEN));
};

const standingOf = (
  deploymentId: string,
  { State, NetworkSettings, RestartCount: restarts }: Docker.ContainerInspectInfo,
): ContainerStanding => {
  // A container that is being started again has ended.
  if (!State.Running || State.Restarting) return { deploymentId, state: 'stopped', restarts, exitCode: State.ExitCode };
  const address = Object.values(NetworkSettings.Networks).find(({ IPAddress }) => IPAddress !== '')?.IPAddress;
  return { deploymentId, state: 'running', restarts, ...(address !== undefined && { address }) };
};
