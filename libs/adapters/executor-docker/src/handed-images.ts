import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { statusOf } from '@foldline/docker';
import { SiteUnavailable } from '@foldline/kernel';
import { fromDockerError } from './docker-error.ts';
import { followed, look, type FoundImage } from './images.ts';

const GONE = 404;
/** A container uses it. */
const IN_USE = 409;

/**
 * Images of a pipeline's own daemon that jobs and services run in: copied to the daemon of the runner by what they are,
 * so that no name of a pipeline appears there. What was copied is written down first, and so is found by a runner that
 * takes over from one that was killed.
 */
export class HandedImages {
  readonly #copying = new Map<string, Promise<string>>();
  /** What an image is called here, by what it is called there: daemons that keep images in another way count otherwise. */
  readonly #here = new Map<string, string>();

  constructor(
    private readonly from: () => Promise<Docker>,
    private readonly to: Docker,
    /** Where it is written down: a file for each image. */
    private readonly directory: string,
  ) {}

  /** Nothing where the pipeline has none of this name. A name that says the content says it of a registry's. */
  async find(image: string): Promise<FoundImage | undefined> {
    if (image.includes('@')) return undefined;
    const there = await look(await this.from(), image);
    if (!there) return undefined;
    const known = await look(this.to, this.#here.get(there.id) ?? there.id);
    if (known?.hasName) return { ...known, image };
    const here = await look(this.to, await this.#copied(there.id));
    if (here) return { ...here, image };
    throw new SiteUnavailable('docker_unavailable', `the image ${image} of the pipeline was copied, and is gone again`);
  }

  async remove(): Promise<void> {
    await Promise.allSettled(this.#copying.values());
    await removeHanded(this.to, this.directory);
  }

  /** Jobs that begin at the same time wait for the same copy. */
  #copied(id: string): Promise<string> {
    const copying = this.#copying.get(id) ?? this.#copy(id).finally(() => this.#copying.delete(id));
    this.#copying.set(id, copying);
    return copying;
  }

  async #copy(id: string): Promise<string> {
    const known = this.#here.get(id) ?? id;
    await this.#note(known);
    if (await look(this.to, known)) return known;
    const copy = await copied(await this.from(), this.to, id);
    this.#here.set(id, copy);
    if (copy !== id) await this.#note(copy);
    return copy;
  }

  async #note(id: string): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    await writeFile(join(this.directory, id), '');
  }
}

/** Removes what is written down in a directory, unless it has got a name meanwhile. What is still used stays there. */
export const removeHanded = async (docker: Docker, directory: string): Promise<void> => {
  const ids = await readdir(directory).catch(() => []);
  for (const id of ids) {
    const found = await look(docker, id);
    if (found && !found.hasName && !(await isRemoved(docker.getImage(id)))) continue;
    await rm(join(directory, id), { force: true });
  }
};

const isRemoved = async (image: Docker.Image): Promise<boolean> => {
  try {
    await image.remove();
    return true;
  } catch (error) {
    const status = statusOf(error);
    if (status === IN_USE) return false;
    if (status === GONE) return true;
    throw error;
  }
};

/** As a stream from one daemon to the other. Answers what it is called there. */
const copied = async (from: Docker, to: Docker, id: string): Promise<string> => {
  const giving = new AbortController();
  try {
    const archive = (await from.getImage(id).get()) as Readable;
    // Without an end of what it is given the other one would wait for ever.
    archive.once('error', (error) => giving.abort(error)).once('aborted', () => giving.abort());
    const told = await followed(to, await to.loadImage(archive, { abortSignal: giving.signal }));
    const names = told.flatMap(({ stream = '' }) => /sha256:[0-9a-f]{64}/.exec(stream) ?? []);
    return names.at(-1) ?? id;
  } catch (error) {
    throw fromDockerError(error, `take over an image of the pipeline`);
  }
};
