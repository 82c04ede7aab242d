import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { SiteUnavailable } from '@foldline/kernel';
import { LABEL } from './container-options.ts';
import type { DockerDaemon } from './docker-client.ts';
import { fromDockerError } from './docker-error.ts';
import { removeHanded } from './handed-images.ts';
import { Pieces, type Piece } from './pieces.ts';
import { IMAGES } from './pipeline-daemon.ts';
import { removed, removedNetwork } from './removed.ts';

type Labels = Readonly<Record<string, string>> | undefined;

type Held = {
  container: Docker.Container;
  release: () => Promise<void>;
  going?: Promise<void>;
  isLeft?: true;
  isSwept?: true;
};

/**
 * What there is of this instance in the daemon, and that nothing of it stays. A directory has one process at a time, so
 * whatever bears its label and not that of this process is left of one that has died.
 */
export class Leavings {
  readonly #process = randomUUID();
  readonly #pieces: Pieces;
  readonly #held = new Map<string, Set<Held>>();
  #earlier: Promise<number> | undefined;

  constructor(
    private readonly docker: DockerDaemon,
    private readonly instance: string,
    private readonly slots: string,
  ) {
    this.#pieces = new Pieces({ [LABEL.instance]: instance, [LABEL.process]: this.#process });
  }

  /** Something is about to be made. */
  begin(): Piece {
    return this.#pieces.begin();
  }

  /** Once; where it fails, the next one who asks tries again. Answers how many processes were killed. */
  removeEarlier(): Promise<number> {
    this.#earlier ??= this.#removeEarlier().catch((error: unknown) => {
      this.#earlier = undefined;
      throw fromDockerError(error, 'remove what an earlier process has left');
    });
    return this.#earlier;
  }

  /** The container is the attempt's from now on. */
  belongsTo(attemptId: string, container: Docker.Container, release: () => Promise<void>): Readonly<Held> {
    const held = this.#held.get(attemptId) ?? new Set();
    const one: Held = { container, release };
    this.#held.set(attemptId, held.add(one));
    return one;
  }

  /** Removes it; what could not be removed is tried again. */
  async released(attemptId: string, container: Docker.Container): Promise<void> {
    const held = this.#held.get(attemptId);
    const one = [...(held ?? [])].find((each) => each.container === container);
    if (!one || !held) return;
    one.going ??= one.release();
    try {
      await one.going;
    } catch (error) {
      // The daemon may have gone; when it answers again it still has the container.
      delete one.going;
      one.isLeft = true;
      throw error;
    }
    held.delete(one);
    if (held.size === 0) this.#held.delete(attemptId);
  }

  /** Tries again what could not be removed when it should have been, and what was being made when the daemon went. */
  removeLeft(): void {
    void this.#pieces.clear(async () => {
      const docker = await this.docker.client();
      await this.#remove(docker, (labels) => this.#isMine(labels) && !this.#pieces.has(labels));
    });
    for (const [attemptId, held] of this.#held)
      for (const one of held)
        if (one.isLeft && !one.going) void this.released(attemptId, one.container).catch(() => undefined);
  }

  async sweep(attemptId: string): Promise<{ killed: number }> {
    try {
      const earlier = await this.removeEarlier();
      const mine = await Promise.all([...(this.#held.get(attemptId) ?? [])].map((one) => this.#end(attemptId, one)));
      return { killed: mine.reduce((sum, each) => sum + each, earlier) };
    } catch (error) {
      const failure = fromDockerError(error, 'remove what is left of a job');
      // A daemon that does not answer keeps nobody from starting: what it ran has ended with it.
      if (failure instanceof SiteUnavailable) return { killed: 0 };
      throw failure;
    }
  }

  /** Resolves when everything that is on its way out has gone. */
  async settled(): Promise<void> {
    const going = [...this.#held.values()].flatMap((held) => [...held].flatMap(({ going }) => going ?? []));
    await Promise.allSettled(going);
  }

  async #end(attemptId: string, one: Held): Promise<number> {
    const { container } = one;
    one.isSwept = true;
    const killed = await processesOf(container);
    await removed(container);
    await this.released(attemptId, container);
    return killed;
  }

  async #removeEarlier(): Promise<number> {
    const docker = await this.docker.client();
    const killed = await this.#remove(docker, (labels) => !this.#isMine(labels));
    await this.#removeSlots(docker);
    return killed;
  }

  #isMine(labels: Labels): boolean {
    return labels?.[LABEL.process] === this.#process;
  }

  /** Of what is of this instance; answers how many processes were killed. */
  async #remove(docker: Docker, isLeft: (labels: Labels) => boolean): Promise<number> {
    const filters = { label: [`${LABEL.instance}=${this.instance}`] };
    const containers = (await docker.listContainers({ all: true, filters })).filter(({ Labels }) => isLeft(Labels));
    const killed = await Promise.all(
      containers.map(async ({ Id }) => {
        const container = docker.getContainer(Id);
        const processes = await processesOf(container);
        await removed(container);
        return processes;
      }),
    );
    const networks = (await docker.listNetworks({ filters })).filter(({ Labels }) => isLeft(Labels));
    await Promise.all(networks.map(({ Id }) => removedNetwork(docker.getNetwork(Id))));
    // Volumes go with their containers, unless there was none yet.
    const volumes = (await docker.listVolumes({ filters })).Volumes.filter(({ Labels }) => isLeft(Labels));
    await Promise.all(volumes.map(({ Name }) => docker.getVolume(Name).remove()));
    return killed.reduce((sum, each) => sum + each, 0);
  }

  /** All of them are of earlier processes: this one has made none yet. */
  async #removeSlots(docker: Docker): Promise<void> {
    const names = await readdir(this.slots).catch(() => []);
    for (const name of names) {
      await removeHanded(docker, join(this.slots, name, IMAGES));
      await rm(join(this.slots, name), { recursive: true, force: true });
    }
  }
}

const processesOf = (container: Docker.Container): Promise<number> =>
  container.top().then(
    ({ Processes }) => ((Processes as unknown[] | null) ?? []).length,
    () => 0,
  );
