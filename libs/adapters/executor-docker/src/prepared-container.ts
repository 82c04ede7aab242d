import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { statusOf } from '@foldline/docker';
import { SITE_ROOT, SiteUnavailable, type ContainerImage } from '@foldline/kernel';
import { containerOptions } from './container-options.ts';
import { SOCKET_IN_JOB } from './docker-in-jobs.ts';
import type { FoundImage } from './images.ts';
import type { Making, Piece } from './pieces.ts';
import { boundsOf, fromRefusal, isOfDefinition } from './refused-container.ts';
import { removed } from './removed.ts';
import { ResidentShell, ShellGone, type Greeting } from './resident-shell.ts';
import { bodyOf } from './service-container.ts';
import { Slot } from './slot.ts';

export type Preparation = {
  asked: ContainerImage;
  image: FoundImage;
  making: Making;
  /** Where slots are made. */
  slots: string;
  /** Where it is known for whom it is. */
  name?: string;
  /** Of the daemon, on this host. */
  socket?: string;
};

/** A container whose shell waits for what to run, and which knows nothing yet of any job. */
export class PreparedContainer {
  static async make(
    docker: Docker,
    { asked, image, making, slots, name, socket }: Preparation,
  ): Promise<PreparedContainer> {
    const { entrypoint, user, platform } = asked;
    const slot = await Slot.make(slots);
    const piece = making.begin();
    const options = containerOptions({
      ...making,
      labels: piece.labels,
      image: image.id,
      ...(entrypoint && { entrypoint }),
      ...(user !== undefined && { user }),
      mounts: [
        { from: slot.builds, at: SITE_ROOT },
        ...(socket === undefined ? [] : [{ from: socket, at: SOCKET_IN_JOB }]),
      ],
    });
    let container: Docker.Container | undefined;
    try {
      container = await docker.createContainer(bodyOf(options, { platform, name }));
      const stream = await container.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true });
      await started(container, asked, image.image);
      const shell = new ResidentShell(stream as Duplex);
      const greeting = await greeted(container, shell, image.image);
      return new PreparedContainer(container, image.id, shell, greeting, slot, piece);
    } catch (error) {
      if (container) await removed(container).catch(() => undefined);
      piece.lost();
      await slot.remove();
      throw fromRefusal(error, { ...asked, ...boundsOf(making) }, 'start the container of a job');
    }
  }

  #awake: Promise<void> = Promise.resolve();

  private constructor(
    readonly container: Docker.Container,
    readonly imageId: string,
    readonly shell: ResidentShell,
    readonly greeting: Greeting,
    readonly slot: Slot,
    private readonly piece: Piece,
  ) {}

  get isGone(): boolean {
    return this.shell.isGone;
  }

  /** A job is about to come, perhaps to this one. */
  wake(): void {
    this.#awake = this.#awake.then(() => this.shell.wake(this.greeting.shell)).catch(() => undefined);
  }

  /** Whether it is there to run something. */
  async answers(): Promise<boolean> {
    await this.#awake;
    return this.shell.answers();
  }

  /** Safe to repeat. */
  async remove(): Promise<void> {
    await this.piece.removing(() => removed(this.container));
    await this.shell.close();
    await this.slot.remove();
  }
}

/** That there is no shell to start is found only by starting it. */
const started = async (container: Docker.Container, asked: ContainerImage, image: string): Promise<void> => {
  try {
    await container.start();
  } catch (error) {
    const status = statusOf(error);
    if (status === undefined || status >= 500 || isOfDefinition(error, asked)) throw error;
    throw new SiteUnavailable('image_unusable', `the image ${image} ${NO_SHELL}: ${(error as Error).message}`);
  }
};

const NO_SHELL = 'has no shell that could run the commands of a job';

const greeted = async (container: Docker.Container, shell: ResidentShell, image: string): Promise<Greeting> => {
  try {
    return await shell.greeting();
  } catch (error) {
    if (!(error instanceof ShellGone)) throw error;
    const { State } = await container.inspect();
    throw new SiteUnavailable(
      'image_unusable',
      `the image ${image} ${NO_SHELL}: its container ended with exit code ${State.ExitCode} instead of waiting for them. ` +
        'Its entrypoint must run what it is given; `entrypoint: [""]` under `image` takes it away',
    );
  }
};
