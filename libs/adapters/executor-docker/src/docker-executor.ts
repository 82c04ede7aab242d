import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import type Docker from 'dockerode';
import { PermanentError, type ContainerSpec, type Executor, type Site, type SiteSpec } from '@foldline/kernel';
import { asRoot } from './as-root.ts';
import { ContainerSite } from './container-site.ts';
import { nameFor, type Belonging, type ContainerLimits } from './container-options.ts';
import type { DockerDaemon } from './docker-client.ts';
import { DaemonsForJobs, type DaemonOfJob } from './daemon-of-job.ts';
import { CLIENT_OF_DAEMON, withDaemon, type DaemonForJobs } from './docker-in-jobs.ts';
import { fromDockerError } from './docker-error.ts';
import { ensureImage, type Fetching, type FoundImage } from './images.ts';
import { networkNamed } from './job-network.ts';
import { blockMetadataAddresses } from './metadata-addresses.ts';
import { Leavings } from './leavings.ts';
import { Ownership, thisProcess, type User } from './ownership.ts';
import { PreparedContainer, type Preparation } from './prepared-container.ts';
import type { Credentials } from './registry-access.ts';
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
  /** Without it no job may have one. */
  daemonForJobs?: DaemonForJobs;
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
  readonly #daemons: DaemonsForJobs;
  #network: Promise<string> | undefined;
  #guarded: Promise<void> | undefined;

  constructor(private readonly options: DockerExecutorOptions) {
    const instance = createHash('sha256').update(resolve(options.directory)).digest('hex').slice(0, 16);
    this.#leavings = new Leavings(options.docker, instance, this.#slots);
    this.#pool = new WarmPool(options.warm ?? NO_POOL);
    this.#daemons = new DaemonsForJobs(options.daemonForJobs, this.#slots);
  }

  get #slots(): string {
    return join(this.options.directory, 'containers');
  }

  async kinds(): Promise<string[]> {
    if (!(await this.options.docker.answers())) return [];
    this.#leavings.removeLeft();
    // Unlike a container that waits, a daemon does not end by itself when its runner has died.
    if (this.#daemons.areOfPipelines) void this.#leavings.removeEarlier().catch(() => undefined);
    return ['docker'];
  }

  kindOf(): string {
    return 'docker';
  }

  async open(spec: SiteSpec, signal?: AbortSignal): Promise<Site> {
    const { container, notices = NO_NOTICES } = spec;
    if (!container) throw new PermanentError('a job that names no image has no container');
    const { asked, daemon: service } = withDaemon(container, this.options.daemonForJobs !== undefined);
    const docker = await this.options.docker.client();
    await this.#leavings.removeEarlier();
    await this.#guard();
    const fetching = { docker, credentials: await this.#credentials(asked), notices, signal };
    const belongingTo = (network: string): Belonging => this.#belonging(asked, network);
    const daemon = await this.#daemons.forJob({ spec, service, fetching, belongingTo });
    try {
      const place = {
        spec,
        asked,
        daemon,
        images: await imagesOf(asked, { ...fetching, handedOver: daemon.handedOver }),
      };
      return await this.#place(docker, place, signal);
    } catch (error) {
      daemon.release();
      throw error;
    }
  }

  sweep(attemptId: string): Promise<{ killed: number }> {
    return this.#leavings.sweep(attemptId);
  }

  async close(): Promise<void> {
    await this.#pool.close();
    await this.#leavings.settled();
    // Images of pipelines cannot be removed while containers of them are there.
    await this.#daemons.close();
  }

  /** Once; a runner that may not do it goes on without. */
  #guard(): Promise<void> {
    return (this.#guarded ??= blockMetadataAddresses().catch((error: unknown) => {
      this.options.warn?.('jobs in containers reach the metadata addresses of clouds, as their host does', error);
    }));
  }

  async #credentials({ credentials: ofJob }: ContainerSpec): Promise<Credentials> {
    return { ofJob, ofRunner: await this.options.credentials?.() };
  }

  async #place(docker: Docker, wanted: Wanted, signal?: AbortSignal): Promise<Site> {
    const { asked, daemon } = wanted;
    try {
      if (!asked.services?.length && !daemon.inNetwork) return await this.#alone(docker, wanted);
      return await this.#withServices(docker, wanted, signal);
    } catch (error) {
      // Somebody may have removed it.
      this.#network = undefined;
      throw fromDockerError(error, 'start the container of a job');
    }
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
    const refill = soon(() => {
      // What a pipeline has made is gone when it has ended, and so must what uses it be.
      if (preparation.image.hasName) this.#pool.refill(key, () => PreparedContainer.make(docker, preparation));
    });
    return this.#occupy(docker, wanted, { prepared, isWarm: waiting !== undefined, refill });
  }

  async #withServices(docker: Docker, wanted: Wanted, signal?: AbortSignal): Promise<Site> {
    const { spec, asked, images, daemon } = wanted;
    const { attemptId, notices = NO_NOTICES } = spec;
    const belongingTo = (network: string): Belonging => this.#belonging(asked, network);
    const beside = { docker, attemptId, asked, images, belongingTo, notices, signal, daemon: daemon.inNetwork };
    const services = await startServices(beside);
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
    const { spec, asked, images, daemon } = wanted;
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
      daemon.release();
    };
    const held = this.#leavings.belongsTo(attemptId, container, release);
    return ContainerSite.open(prepared, {
      filled: spec.filled,
      workspace: workspaceAt,
      placed: [{ from: workspace, at: workspaceAt }, ...mounts],
      ownership,
      images: images.map(({ image, id, digest }) => ({ image, id, ...(digest !== undefined && { digest }) })),
      environment: daemon.socket === undefined ? {} : CLIENT_OF_DAEMON,
      ...(diskBytes !== undefined && { diskBytes }),
      isWarm,
      hasServices: services !== undefined,
      isSwept: () => held.isSwept === true,
      release: () => this.#leavings.released(attemptId, container),
    });
  }

  #preparation({ asked, images, daemon: { socket } }: Wanted, network: string): Preparation {
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

const imagesOf = (asked: ContainerSpec, fetching: Fetching): Promise<FoundImage[]> =>
  Promise.all([asked, ...(asked.services ?? [])].map((each) => ensureImage(each, fetching)));

/** `images` are those of the job and of its services. */
type Wanted = { spec: SiteSpec; asked: ContainerSpec; images: readonly FoundImage[]; daemon: DaemonOfJob };
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
