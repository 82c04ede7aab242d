import type { DockerDaemon } from './docker-client.ts';
import { look, type FoundImage } from './images.ts';

/** For how long what was found is of use: a name may be another image's at any time. */
const FRESH_MS = 1_000;

/** Images that jobs will ask for in a moment, looked for while their runner does what comes before. */
export class ExpectedImages {
  readonly #found = new Map<string, { image: string; found: Promise<FoundImage | undefined> }>();

  constructor(
    private readonly daemon: DockerDaemon,
    private readonly onFound: (image: FoundImage) => void,
  ) {}

  /** What a name with variables stands for is not known yet. */
  look(attemptId: string, image: string): void {
    if (image.includes('$')) return;
    // Whoever asks for it then is told why it cannot be had.
    this.#found.set(attemptId, { image, found: this.#look(image).catch(() => undefined) });
    setTimeout(() => this.#found.delete(attemptId), FRESH_MS).unref();
  }

  of(attemptId: string): (image: string) => Promise<FoundImage | undefined> {
    const expected = this.#found.get(attemptId);
    this.#found.delete(attemptId);
    return async (image) => (image === expected?.image ? expected.found : undefined);
  }

  async #look(image: string): Promise<FoundImage | undefined> {
    const found = await look(await this.daemon.client(), image);
    if (found) this.onFound(found);
    return found;
  }
}
