import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type Docker from 'dockerode';
import {
  PermanentError,
  SiteUnavailable,
  type ContainerSpec,
  type Executor,
  type Site,
  type SiteSpec,
} from '@foldline/kernel';
import { LABEL, containerOptions, type Belonging, type ContainerLimits } from './container-options.ts';
import { ContainerSite } from './container-site.ts';
import type { DockerDaemon } from './docker-client.ts';
import { fromDockerError } from './docker-error.ts';
import { ensureImage, type FoundImage } from './images.ts';
import { networkNamed, networkOf } from './job-network.ts';
import { asRoot } from './as-root.ts';
import { Ownership, thisProcess, type User } from './ownership.ts';
import { removed, removedNetwork } from './removed.ts';
import { ServiceContainer, bodyOf } from './service-container.ts';

export type DockerExecutorOptions = {
  docker: DockerDaemon;
  /** What tells the containers of this instance from those of others that share the daemon. */
  directory: string;
  /** The network of all jobs that have no services, in which they do not reach each other; made where it is not there. */
  network: string;
  limits: ContainerLimits;
  /** The runner's own credentials for registries, as Docker's `config.json`; those of a job go before. */
  credentials?: () => Promise<string | undefined>;
  /** Whose the workspaces are; who runs this process, unless somebody else is named. */
  runner?: User;
};

/** Runs each job in a container of its own, of the image that it asks for. */
export const createDockerExecutor = (options: DockerExecutorOptions): Executor => new DockerExecutor(options);

const NO_NOTICES = { tell: () => undefined, warn: () => undefined };

class DockerExecutor implements Executor {
  readonly #instance: string;
  #network: Promise<string> | undefined;

  constructor(private readonly options: DockerExecutorOptions) {
    this.#instance = createHash('sha256').update(resolve(options.directory)).digest('hex').slice(0, 16);
  }

  async kinds(): Promise<string[]> {
    return (await this.options.docker.answers()) ? ['docker'] : [];
  }

  kindOf(): string {
    return 'docker';
  }

  async open(spec: SiteSpec, signal?: AbortSignal): Promise<Site> {
    const { container } = spec;
    if (!container) throw new PermanentError('a job that names no image has no container');
    const docker = await this.options.docker.client();
    const images = await this.#images(docker, spec, container, signal);
    try {
      if (!container.services?.length)
        return await this.#site(docker, spec, container, images, await this.#shared(docker));
      return await this.#withServices(docker, spec, container, images, signal);
    } catch (error) {
      // Somebody may have removed it.
      this.#network = undefined;
      throw fromDockerError(error, 'start the container of a job');
    }
  }

  async sweep(attemptId: string): Promise<{ killed: number }> {
    const docker = await this.options.docker.client();
    try {
      return await this.#sweep(docker, attemptId);
    } catch (error) {
      const failure = fromDockerError(error, 'remove what is left of a job');
      // A daemon that does not answer keeps nobody from starting: what it ran has ended with it.
      if (failure instanceof SiteUnavailable) return { killed: 0 };
      throw failure;
    }
  }

  async #images(docker: Docker, { notices = NO_NOTICES }: SiteSpec, container: ContainerSpec, signal?: AbortSignal) {
    const credentials = [container.credentials, await this.options.credentials?.()];
    const fetching = { docker, credentials, notices, signal };
    return Promise.all([container, ...(container.services ?? [])].map((each) => ensureImage(each, fetching)));
  }

  #shared(docker: Docker): Promise<string> {
    return (this.#network ??= networkNamed(docker, this.options.network));
  }

  async #withServices(
    docker: Docker,
    spec: SiteSpec,
    container: ContainerSpec,
    images: readonly FoundImage[],
    signal?: AbortSignal,
  ): Promise<Site> {
    const { attemptId, notices = NO_NOTICES } = spec;
    const { services = [], tellsOfServices = false } = container;
    const network = await networkOf(docker, attemptId, this.#instance);
    const removeAll = async (): Promise<void> => void (await this.#sweep(docker, attemptId));
    try {
      const belonging = this.#belonging(attemptId, container, network.id);
      const started = await Promise.all(
        services.map((service, index) => ServiceContainer.start(docker, service, images[index + 1]!, belonging)),
      );
      // They are followed until they end, with the job at the latest; what cannot be read of them is no failure of it.
      if (tellsOfServices) for (const service of started) void service.follow(notices).catch(() => undefined);
      await Promise.all(started.map((service) => service.settle(notices, signal)));
      signal?.throwIfAborted();
      return await this.#site(docker, spec, container, images, network.id, removeAll);
    } catch (error) {
      await removeAll();
      throw error;
    }
  }

  async #site(
    docker: Docker,
    { attemptId, workspace }: SiteSpec,
    container: ContainerSpec,
    images: readonly FoundImage[],
    network: string,
    after: () => Promise<void> = () => Promise.resolve(),
  ): Promise<Site> {
    const { workspaceAt, entrypoint, user, platform } = container;
    const mounts = [{ from: workspace, at: workspaceAt }, ...container.mounts];
    const [{ id: image } = { id: '' }] = images;
    const options = containerOptions({
      ...this.#belonging(attemptId, container, network),
      image,
      ...(entrypoint && { entrypoint }),
      ...(user !== undefined && { user }),
      mounts,
    });
    const made = await docker.createContainer(bodyOf(options, platform));
    const inUse = images.map(({ image, id, digest }) => ({ image, id, ...(digest !== undefined && { digest }) }));
    return ContainerSite.start(made, {
      workspace: workspaceAt,
      images: inUse,
      ownershipFor: (job) =>
        this.#ownership(
          docker,
          job,
          image,
          mounts.map(({ from }) => from),
        ),
      after,
    });
  }

  #ownership(docker: Docker, job: User, image: string, directories: readonly string[]): Promise<Ownership> {
    const { runner = thisProcess() } = this.options;
    return Ownership.of(job, runner, directories, (command) =>
      asRoot(docker, { image, command, directories, instance: this.#instance }),
    );
  }

  #belonging(attemptId: string, { cpus, memoryBytes }: ContainerSpec, network: string): Belonging {
    const { limits } = this.options;
    return {
      attemptId,
      instance: this.#instance,
      network,
      limits,
      ...(cpus !== undefined && { cpus }),
      ...(memoryBytes !== undefined && { memoryBytes }),
    };
  }

  async #sweep(docker: Docker, attemptId: string): Promise<{ killed: number }> {
    const filters = { label: [`${LABEL.attempt}=${attemptId}`, `${LABEL.instance}=${this.#instance}`] };
    const found = await docker.listContainers({ all: true, filters });
    const killed = await Promise.all(found.map(({ Id }) => this.#remove(docker.getContainer(Id))));
    const networks = await docker.listNetworks({ filters });
    await Promise.all(networks.map(({ Id }) => removedNetwork(docker.getNetwork(Id))));
    return { killed: killed.reduce((sum, each) => sum + each, 0) };
  }

  /** Answers how many processes were in it. */
  async #remove(container: Docker.Container): Promise<number> {
    const processes = await container.top().then(
      ({ Processes }) => ((Processes as unknown[] | null) ?? []).length,
      () => 0,
    );
    await removed(container);
    return processes;
  }
}
