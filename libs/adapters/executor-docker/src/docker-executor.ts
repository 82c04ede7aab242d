import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import type Docker from 'dockerode';
import { PermanentError, type ContainerSpec, type Executor, type Site, type SiteSpec } from '@foldline/kernel';
import { asRoot } from './as-root.ts';
import { ContainerSite } from './container-site.ts';
import { nameFor, type Belonging, type ContainerLimits } from './container-options.ts';
import type { DockerDaemon } from './docker-client.ts';
import { CLIENT_OF_DAEMON, withDaemon } from './docker-in-jobs.ts';
import { fromDockerError } from './docker-error.ts';
import { ensureImage, type FoundImage } from './images.ts';
import { networkNamed } from './job-network.ts';
import { blockMetadataAddresses } from './metadata-addresses.ts';
import { Leavings } from './leavings.ts';
import { Ownership, thisProcess, type User } from './ownership.ts';
import { PreparedContainer, type Preparation } from './prepared-container.ts';
import { startServices, type Services } from './services.ts';
import { WarmPool, type WarmPoolSettings } from './warm-pool.ts';

export type DockerExecutorOptions = {
  docker: DockerDaemon;
  /** Where its files are; it tells the containers of this instance from those of others that share the daemon. */
  directory: string;
  /** The network of all jobs that have no services, in which they do not reach each other; made where it is not there. */
  network: string;
  limits: ContainerLimits;
  /** Containers that wait for jobs; without it none do. */
  warm?: WarmPoolSettings;
  /** The runner's own credentials for registries, as Docker's `config.json`; those of a job go before. */
  credentials?: () => Promise<string | undefined>;
  /** The daemon's socket on this host, where jobs may have it that ask for a daemon; without it none may. */
  socketForJobs?: string;
  /** Told what keeps jobs less apart than they should be. */
  warn?: (message: string, error: unknown) => void;
  /** Whose the workspaces are; who runs this process, unless somebody else is named. */
  runner?: User;
};

const NO_POOL: WarmPoolSettings = { size: 0, idleMs: 0 };
const NO_NOTICES: NonNullable<SiteSpec['notices']> = { tell: () => undefined, warn: () => undefined };

/** Runs each job in a container of its own, of the image that it asks for. */
export const createDockerExecutor = (options: DockerExecutorOptions): Executor => new DockerExecutor(options);

class DockerExecutor implements Executor {
  readonly #leavings: Leavings;
  readonly #pool: WarmPool;
  #network: Promise<string> | undefined;
  #guarded: Promise<void> | undefined;

  constructor(private readonly options: DockerExecutorOptions) {
    const instance = createHash('sha256').update(resolve(options.directory)).digest('hex').slice(0, 16);
    this.#leavings = new Leavings(options.docker, instance, this.#slots);
    this.#pool = new WarmPool(options.warm ?? NO_POOL);
  }

  get #slots(): string {
    return join(this.options.directory, 'containers');
  }

  async kinds(): Promise<string[]> {
    if (!(await this.options.docker.answers())) return [];
    this.#leavings.removeLeft();
    return ['docker'];
  }

  kindOf(): string {
    return 'docker';
  }

  async open(spec: SiteSpec, signal?: AbortSignal): Promise<Site> {
    const { container, notices = NO_NOTICES } = spec;
    if (!container) throw new PermanentError('a job that names no image has no container');
    const { socketForJobs } = this.options;
    const { asked, usesDaemon } = withDaemon(container, socketForJobs !== undefined);
    if (usesDaemon) notices.tell('The job has the Docker daemon of its runner');
    const socket = usesDaemon ? socketForJobs : undefined;
    const docker = await this.options.docker.client();
    await this.#leavings.removeEarlier();
    await this.#guard();
    const images = await this.#images(docker, asked, notices, signal);
    try {
      const place = { spec, asked, images, socket };
      if (!asked.services?.length) return await this.#alone(docker, place);
      return await this.#withServices(docker, place, signal);
    } catch (error) {
      // Somebody may have removed it.
      this.#network = undefined;
      throw fromDockerError(error, 'start the container of a job');
    }
  }

  sweep(attemptId: string): Promise<{ killed: number }> {
    return this.#leavings.sweep(attemptId);
  }

  async close(): Promise<void> {
    await this.#pool.close();
    await this.#leavings.settled();
  }

  /** Once; a runner that may not do it goes on without. */
  #guard(): Promise<void> {
    return (this.#guarded ??= blockMetadataAddresses().catch((error: unknown) => {
      this.options.warn?.('jobs in containers reach the metadata addresses of clouds, as their host does', error);
    }));
  }

  async #images(docker: Docker, asked: ContainerSpec, notices: typeof NO_NOTICES, signal?: AbortSignal) {
    const credentials = { ofJob: asked.credentials, ofRunner: await this.options.credentials?.() };
    const fetching = { docker, credentials, notices, signal };
    return Promise.all([asked, ...(asked.services ?? [])].map((each) => ensureImage(each, fetching)));
  }

  /** A container that waits for a job, or a new one; one more is then made ready for the next. */
  async #alone(docker: Docker, wanted: Wanted): Promise<Site> {
    const network = await (this.#network ??= networkNamed(docker, this.options.network));
    const preparation = this.#preparation(wanted, network);
    const key = keyOf(preparation);
    const name = nameFor(wanted.spec.attemptId);
    const waiting = await this.#pool.take(key);
    // It is known by its number alone if it cannot be renamed.
    void waiting?.container.rename({ name }).catch(() => undefined);
    const prepared = waiting ?? (await PreparedContainer.make(docker, { ...preparation, name }));
    const refill = soon(() => this.#pool.refill(key, () => PreparedContainer.make(docker, preparation)));
    return this.#occupy(docker, wanted, { prepared, isWarm: waiting !== undefined, refill });
  }

  async #withServices(docker: Docker, wanted: Wanted, signal?: AbortSignal): Promise<Site> {
    const { spec, asked, images } = wanted;
    const { attemptId, notices = NO_NOTICES } = spec;
    const belongingTo = (network: string): Belonging => this.#belonging(asked, network);
    const services = await startServices({ docker, attemptId, asked, images, belongingTo, notices, signal });
    try {
      const preparation = this.#preparation(wanted, services.network);
      const prepared = await PreparedContainer.make(docker, { ...preparation, name: nameFor(attemptId) });
      return await this.#occupy(docker, wanted, { prepared, isWarm: false, services });
    } catch (error) {
      await services.remove();
      throw error;
    }
  }

  async #occupy(docker: Docker, wanted: Wanted, { prepared, isWarm, services, refill }: Place): Promise<Site> {
    const { spec, asked, images, socket } = wanted;
    const { attemptId, workspace } = spec;
    const { workspaceAt, mounts, diskBytes = this.options.limits.diskBytes } = asked;
    const { runner = thisProcess() } = this.options;
    const { container, greeting, slot } = prepared;
    const ownership = new Ownership(greeting, runner, slot, (command) =>
      asRoot(docker, { image: images[0]!.id, command, slot, belonging: this.#belonging({}, 'none') }),
    );
    const release = async (): Promise<void> => {
      refill?.();
      await prepared.remove();
      await services?.remove();
    };
    const held = this.#leavings.belongsTo(attemptId, container, release);
    return ContainerSite.open(prepared, {
      filled: spec.filled,
      workspace: workspaceAt,
      placed: [{ from: workspace, at: workspaceAt }, ...mounts],
      ownership,
      images: images.map(({ image, id, digest }) => ({ image, id, ...(digest !== undefined && { digest }) })),
      environment: socket === undefined ? {} : CLIENT_OF_DAEMON,
      ...(diskBytes !== undefined && { diskBytes }),
      isWarm,
      hasServices: services !== undefined,
      isSwept: () => held.isSwept === true,
      release: () => this.#leavings.released(attemptId, container),
    });
  }

  #preparation({ asked, images, socket }: Wanted, network: string): Preparation {
    const [image] = images;
    const belonging = this.#belonging(asked, network);
    return { asked, image: image!, belonging, slots: this.#slots, ...(socket !== undefined && { socket }) };
  }

  #belonging({ cpus, memoryBytes }: Pick<ContainerSpec, 'cpus' | 'memoryBytes'>, network: string): Belonging {
    return {
      labels: this.#leavings.labels,
      network,
      limits: this.options.limits,
      ...(cpus !== undefined && { cpus }),
      ...(memoryBytes !== undefined && { memoryBytes }),
    };
  }
}

/** `images` are those of the job and of its services; `socket` is the daemon's, where the job may have it. */
type Wanted = { spec: SiteSpec; asked: ContainerSpec; images: readonly FoundImage[]; socket: string | undefined };
type Place = { prepared: PreparedContainer; isWarm: boolean; services?: Services; refill?: () => void };

/** Making another container takes the processor from a job that has just begun. */
const AFTER_ITS_BEGIN_MS = 500;

/** Does it in a while, or when it is asked to before that; once. */
const soon = (work: () => void): (() => void) => {
  let isDone = false;
  const once = (): void => {
    clearTimeout(timer);
    if (!isDone) work();
    isDone = true;
  };
  const timer = setTimeout(once, AFTER_ITS_BEGIN_MS).unref();
  return once;
};

/** What must be alike for a container to be of use to a job. */
const keyOf = ({ asked, image, belonging, socket }: Preparation): string =>
  JSON.stringify([
    image.id,
    asked.entrypoint ?? null,
    asked.user ?? null,
    asked.platform ?? null,
    belonging.cpus ?? null,
    belonging.memoryBytes ?? null,
    belonging.network,
    socket ?? null,
  ]);
