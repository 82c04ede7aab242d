import { createHash } from 'node:crypto';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import {
  HELPERS_NOT_ASKED,
  PermanentError,
  namesHelpers,
  type ContainerSpec,
  type Executor,
  type Site,
  type SiteSpec,
} from '@foldline/kernel';
import type { ContainerLimits } from './container-options.ts';
import type { DockerDaemon } from './docker-client.ts';
import { DaemonsForJobs } from './daemon-of-job.ts';
import { withDaemon, type DaemonForJobs } from './docker-in-jobs.ts';
import { ExpectedImages } from './expected-images.ts';
import { ensureImage, NO_NOTICES, type Fetching, type FoundImage } from './images.ts';
import { JobContainers } from './job-containers.ts';
import { blockMetadataAddresses } from './metadata-addresses.ts';
import { KeptReady } from './kept-ready.ts';
import { Leavings } from './leavings.ts';
import type { User } from './ownership.ts';
import type { Making } from './pieces.ts';
import type { Credentials } from './registry-access.ts';
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

/** Runs each job in a container of its own, of the image that it asks for. */
export const createDockerExecutor = (options: DockerExecutorOptions): Executor => new DockerExecutor(options);

class DockerExecutor implements Executor {
  readonly #leavings: Leavings;
  readonly #pool: WarmPool;
  readonly #daemons: DaemonsForJobs;
  readonly #containers: JobContainers;
  readonly #expected: ExpectedImages;
  readonly #keptReady: KeptReady;
  #guarded: Promise<void> | undefined;

  constructor(private readonly options: DockerExecutorOptions) {
    const instance = createHash('sha256').update(resolve(options.directory)).digest('hex').slice(0, 16);
    const slots = join(options.directory, 'containers');
    this.#leavings = new Leavings(options.docker, instance, slots);
    this.#pool = new WarmPool(options.warm ?? NO_POOL);
    this.#daemons = new DaemonsForJobs(options.daemonForJobs, slots);
    const limits = { cpusOfHost: cpus().length, ...options.limits };
    this.#containers = new JobContainers({ ...options, limits, slots }, this.#leavings, this.#pool);
    this.#expected = new ExpectedImages(options.docker, ({ id }) => this.#pool.wake(id));
    const { images = [] } = options.warm ?? NO_POOL;
    this.#keptReady = new KeptReady(images, (image) => this.#keepReady(image), options.warn ?? (() => undefined));
  }

  async kinds(): Promise<string[]> {
    if (!(await this.options.docker.answers())) return [];
    this.#leavings.removeLeft();
    this.#pool.look();
    // Unlike a container that waits, a daemon does not end by itself when its runner has died.
    if (this.#daemons.areOfPipelines) void this.#leavings.removeEarlier().catch(() => undefined);
    this.#keptReady.look();
    return ['docker'];
  }

  kindOf(): string {
    return 'docker';
  }

  expect(attemptId: string, image: string): void {
    this.#expected.look(attemptId, image);
  }

  async open(spec: SiteSpec, signal?: AbortSignal): Promise<Site> {
    const { container, notices = NO_NOTICES } = spec;
    if (!container) throw new PermanentError('a job that names no image has no container');
    const { asked, daemon: service } = withDaemon(container, this.options.daemonForJobs !== undefined);
    if (namesHelpers(container.credentials)) notices.warn(HELPERS_NOT_ASKED);
    const docker = await this.options.docker.client();
    await this.#leavings.removeEarlier();
    await this.#guard();
    const fetching = { docker, credentials: await this.#credentials(asked), notices, signal };
    const madeIn = (network: string): Making => this.#containers.making(asked, network);
    const daemon = await this.#daemons.forJob({ spec, service, fetching, madeIn });
    try {
      const { handedOver } = daemon;
      const images = await imagesOf(asked, { ...fetching, handedOver, expected: this.#expected.of(spec.attemptId) });
      return await this.#containers.place(docker, { spec, asked, daemon, images }, signal);
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

  async #keepReady(image: string): Promise<void> {
    const docker = await this.options.docker.client();
    await this.#leavings.removeEarlier();
    const fetching = { docker, credentials: await this.#credentials({}), notices: NO_NOTICES };
    await this.#containers.keepReady(docker, await ensureImage({ image, pullPolicy: ['if-not-present'] }, fetching));
  }

  /** Once; a runner that may not do it goes on without. */
  #guard(): Promise<void> {
    return (this.#guarded ??= blockMetadataAddresses().catch((error: unknown) => {
      this.options.warn?.('jobs in containers reach the metadata addresses of clouds, as their host does', error);
    }));
  }

  async #credentials({ credentials: ofJob }: Pick<ContainerSpec, 'credentials'>): Promise<Credentials> {
    return { ofJob, ofRunner: await this.options.credentials?.() };
  }
}

const imagesOf = (asked: ContainerSpec, fetching: Fetching): Promise<FoundImage[]> =>
  Promise.all([asked, ...(asked.services ?? [])].map((each) => ensureImage(each, fetching)));
