import { lstat, mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { statusOf } from '@foldline/docker';
import { PermanentError, SiteUnavailable, type ServiceSpec } from '@foldline/kernel';
import { nameFor } from './container-options.ts';
import { SOCKET, SOCKET_IN_DAEMON, daemonOptions } from './daemon-options.ts';
import { dockerAt } from './docker-client.ts';
import { fromDockerError } from './docker-error.ts';
import { HandedImages } from './handed-images.ts';
import type { FoundImage } from './images.ts';
import { networkOf } from './job-network.ts';
import { nameServersOfHost } from './name-servers.ts';
import type { Making, Piece } from './pieces.ts';
import { boundsOf, fromRefusal } from './refused-container.ts';
import { removed, removedNetwork } from './removed.ts';
import { READY_MS, bodyOf, lastLinesOf } from './service-container.ts';
import { namesFromImage } from './service-names.ts';

const POLL_MS = 50;
const FOR_ALL = 0o666;
/** What the kernel takes for the address of a socket (unix(7)). */
const LONGEST_PATH = 107;

/** Of what belongs to a daemon on this host. */
export const RUN = 'run';
export const IMAGES = 'images';

export type DaemonOrder = {
  docker: Docker;
  pipelineId: string;
  service: ServiceSpec;
  image: FoundImage;
  madeIn: (network: string) => Making;
  /** Where directories of containers are made. */
  slots: string;
};

/** It did not come; `lines` is what it said last. */
export class DaemonNotReady extends SiteUnavailable {
  constructor(
    because: string,
    readonly lines: readonly string[],
  ) {
    super('docker_unavailable', `the Docker daemon of the pipeline did not start: ${because}`);
  }
}

/** A Docker daemon of one pipeline's own, in a container beside those of its jobs. */
export class PipelineDaemon {
  readonly #images: HandedImages;

  /** Resolves when it answers. */
  static async start(order: DaemonOrder): Promise<PipelineDaemon> {
    const { docker, pipelineId, service, image, madeIn, slots } = order;
    const { entrypoint = image.entrypoint, command = [], environment } = service;
    await mkdir(slots, { recursive: true, mode: 0o700 });
    const directory = await mkdtemp(join(slots, 'daemon-'));
    const name = nameFor(pipelineId, 'docker-');
    const piece = madeIn('none').begin();
    const { labels } = piece;
    let network: Docker.Network | undefined;
    let container: Docker.Container | undefined;
    try {
      if (Buffer.byteLength(join(directory, RUN, SOCKET)) > LONGEST_PATH)
        throw new PermanentError(`the path of the data directory is too long for a socket in it: ${directory}`);
      await mkdir(join(directory, RUN), { mode: 0o755 });
      network = await networkOf(docker, name, labels);
      const options = daemonOptions({
        ...madeIn(network.id),
        labels,
        image: image.id,
        entrypoint: entrypoint.filter(Boolean),
        flags: command[0] === 'dockerd' ? command.slice(1) : command,
        environment,
        nameServers: await nameServersOfHost(),
        directory: join(directory, RUN),
      });
      container = await docker.createContainer(bodyOf(options, { platform: service.platform, name }));
      await container.start();
      const daemon = new PipelineDaemon(docker, container, network, directory, piece, service);
      await daemon.#settle();
      return daemon;
    } catch (error) {
      if (container) await removed(container).catch(() => undefined);
      if (network) await removedNetwork(network).catch(() => undefined);
      piece.lost();
      await rm(directory, { recursive: true, force: true });
      throw fromRefusal(error, { ...service, ...boundsOf(madeIn('none')) }, `start the Docker daemon ${service.image}`);
    }
  }

  private constructor(
    docker: Docker,
    private readonly container: Docker.Container,
    private readonly network: Docker.Network,
    private readonly directory: string,
    private readonly piece: Piece,
    /** What it was started with. */
    readonly service: ServiceSpec,
  ) {
    this.#images = new HandedImages(dockerAt(this.socket).client, docker, join(directory, IMAGES));
  }

  /** On this host. */
  get socket(): string {
    return join(this.directory, RUN, SOCKET);
  }

  async isRunning(): Promise<boolean> {
    try {
      return (await this.container.inspect()).State.Running;
    } catch (error) {
      if (statusOf(error) === 404) return false;
      throw fromDockerError(error, 'ask for the Docker daemon of a pipeline');
    }
  }

  /** What its containers publish answers in the network, too, by the names of the service. */
  async join(network: Docker.Network, { image, aliases }: ServiceSpec): Promise<void> {
    const Aliases = [...namesFromImage(image), ...aliases];
    await network.connect({ Container: this.container.id, EndpointConfig: { Aliases } });
  }

  async leave(network: Docker.Network): Promise<void> {
    // A daemon that has ended is in no network any more.
    await network.disconnect({ Container: this.container.id, Force: true }).catch(() => undefined);
  }

  /** An image that it has, brought to the daemon that jobs run in. */
  async imageNamed(image: string): Promise<FoundImage | undefined> {
    // One that has ended has none.
    return (await this.isRunning()) ? this.#images.find(image) : undefined;
  }

  /** Safe to repeat. */
  async end(): Promise<void> {
    await this.#images.remove();
    await this.piece.removing(async () => {
      await removed(this.container);
      await removedNetwork(this.network);
    });
    await rm(join(this.directory, RUN), { recursive: true, force: true });
    await removeEmpty(join(this.directory, IMAGES));
    await removeEmpty(this.directory);
  }

  async #settle(): Promise<void> {
    const deadline = performance.now() + READY_MS;
    while (performance.now() < deadline) {
      if (await this.#answers()) return;
      const { State } = await this.container.inspect();
      if (!State.Running) throw await this.#failure(`its container ended with exit code ${State.ExitCode}`);
      await delay(POLL_MS);
    }
    throw await this.#failure(`it did not answer within ${READY_MS / 1000} s`);
  }

  async #answers(): Promise<boolean> {
    const found = await lstat(this.socket).catch(() => undefined);
    if (!found?.isSocket()) return false;
    if ((found.mode & FOR_ALL) === FOR_ALL) return dockerAt(this.socket).answers();
    await this.#open();
    return false;
  }

  /** It is its root's, and neither who runs jobs need be root nor the user of a job's image; nobody else comes to it. */
  async #open(): Promise<void> {
    const asked = await this.container.exec({ Cmd: ['chmod', '666', SOCKET_IN_DAEMON], User: '0:0' });
    (await asked.start({ Detach: true })).destroy();
  }

  async #failure(because: string): Promise<DaemonNotReady> {
    return new DaemonNotReady(because, await lastLinesOf(this.container));
  }
}

/** What is written down of images stays for the next process, where somebody still uses them. */
const removeEmpty = async (directory: string): Promise<void> => {
  await rmdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'ENOENT') throw error;
  });
};
