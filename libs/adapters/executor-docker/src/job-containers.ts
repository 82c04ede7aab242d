import type Docker from 'dockerode';
import type { ContainerImage, ContainerSpec, Site, SiteSpec } from '@foldline/kernel';
import { asRoot } from './as-root.ts';
import { nameFor, type ContainerLimits } from './container-options.ts';
import { ContainerSite } from './container-site.ts';
import type { DaemonOfJob } from './daemon-of-job.ts';
import { CLIENT_OF_DAEMON } from './docker-in-jobs.ts';
import { fromDockerError } from './docker-error.ts';
import { NO_NOTICES, type FoundImage } from './images.ts';
import { networkNamed } from './job-network.ts';
import type { Leavings } from './leavings.ts';
import { Ownership, thisProcess, type User } from './ownership.ts';
import type { Making } from './pieces.ts';
import { PreparedContainer, type Preparation } from './prepared-container.ts';
import { startServices, type Services } from './services.ts';
import type { WarmPool } from './warm-pool.ts';

type Terms = {
  /** The network of jobs that are alone. */
  network: string;
  limits: ContainerLimits;
  /** Whose the workspaces are. */
  runner?: User;
  /** Where directories of containers are made. */
  slots: string;
};

/** The containers that jobs run in: alone, or with services beside them. */
export class JobContainers {
  #network: Promise<string> | undefined;

  constructor(
    private readonly terms: Terms,
    private readonly leavings: Leavings,
    private readonly pool: WarmPool,
  ) {}

  async place(docker: Docker, wanted: Wanted, signal?: AbortSignal): Promise<Site> {
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

  /** One container of the image waits from now on for a job that asks for nothing else. */
  async keepReady(docker: Docker, image: FoundImage): Promise<void> {
    const network = await this.#alonesNetwork(docker);
    const preparation = this.#preparation({ asked: { image: image.image }, images: [image], daemon: {} }, network);
    this.pool.keep(image.image, keyOf(preparation), () => PreparedContainer.make(docker, preparation));
  }

  #alonesNetwork(docker: Docker): Promise<string> {
    return (this.#network ??= networkNamed(docker, this.terms.network));
  }

  /** A container that waits for a job, or a new one; one more is then made ready for the next. */
  async #alone(docker: Docker, wanted: Wanted): Promise<Site> {
    const network = await this.#alonesNetwork(docker);
    const preparation = this.#preparation(wanted, network);
    const key = keyOf(preparation);
    const name = nameFor(wanted.spec.attemptId);
    const waiting = await this.pool.take(key);
    const prepared = waiting ?? (await PreparedContainer.make(docker, { ...preparation, name }));
    const refill = soon(() => {
      // It is known by its number alone if it cannot be renamed.
      void waiting?.container.rename({ name }).catch(() => undefined);
      // What a pipeline has made is gone when it has ended, and so must what uses it be.
      if (preparation.image.hasName) this.pool.refill(key, () => PreparedContainer.make(docker, preparation));
    });
    return this.#occupy(docker, wanted, { prepared, isWarm: waiting !== undefined, refill });
  }

  async #withServices(docker: Docker, wanted: Wanted, signal?: AbortSignal): Promise<Site> {
    const { spec, asked, images, daemon } = wanted;
    const { attemptId, notices = NO_NOTICES } = spec;
    const madeIn = (network: string): Making => this.making(asked, network);
    const beside = { docker, attemptId, asked, images, madeIn, notices, signal, daemon: daemon.inNetwork };
    const services = await startServices(beside);
    try {
      const preparation = this.#preparation(wanted, services.network);
      const prepared = await PreparedContainer.make(docker, { ...preparation, name: nameFor(attemptId) });
      return await this.#occupy(docker, wanted, { prepared, isWarm: false, services });
    } catch (error) {
      await services.remove().catch(() => undefined);
      throw error;
    }
  }

  async #occupy(docker: Docker, wanted: Wanted, { prepared, isWarm, services, refill }: Place): Promise<Site> {
    const { spec, asked, images, daemon } = wanted;
    const { attemptId, workspace } = spec;
    const { workspaceAt, mounts, diskBytes = this.terms.limits.diskBytes } = asked;
    const { runner = thisProcess() } = this.terms;
    const { container, greeting, slot } = prepared;
    const ownership = new Ownership(greeting, runner, slot, (command) =>
      asRoot(docker, { image: images[0]!.id, command, slot, making: this.making({}, 'none') }),
    );
    const release = async (): Promise<void> => {
      refill?.();
      await prepared.remove();
      await services?.remove();
      daemon.release();
    };
    const held = this.leavings.belongsTo(attemptId, container, release);
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
      release: () => this.leavings.released(attemptId, container),
    });
  }

  #preparation({ asked, images, daemon: { socket } }: Prepared, network: string): Preparation {
    const [image] = images;
    const making = this.making(asked, network);
    return { asked, image: image!, making, slots: this.terms.slots, ...(socket !== undefined && { socket }) };
  }

  making({ cpus, memoryBytes }: Pick<ContainerSpec, 'cpus' | 'memoryBytes'>, network: string): Making {
    return {
      begin: () => this.leavings.begin(),
      network,
      limits: this.terms.limits,
      ...(cpus !== undefined && { cpus }),
      ...(memoryBytes !== undefined && { memoryBytes }),
    };
  }
}

/** `images` are those of the job and of its services. */
export type Wanted = { spec: SiteSpec; asked: ContainerSpec; images: readonly FoundImage[]; daemon: DaemonOfJob };
/** Of which only so much is known before there is a job. */
type Prepared = {
  asked: ContainerImage & Pick<ContainerSpec, 'cpus' | 'memoryBytes'>;
  images: readonly FoundImage[];
  daemon: Pick<DaemonOfJob, 'socket'>;
};
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
const keyOf = ({ asked, image, making, socket }: Preparation): string =>
  JSON.stringify([
    image.id,
    asked.entrypoint ?? null,
    asked.user ?? null,
    asked.platform ?? null,
    making.cpus ?? null,
    making.memoryBytes ?? null,
    making.network,
    socket ?? null,
  ]);
