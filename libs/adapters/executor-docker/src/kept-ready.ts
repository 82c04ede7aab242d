/** How long after one look the next one is due. */
const AGAIN_MS = 60_000;

/** Sees to it now and then that a container of each of these images is ready, whether or not a job has used it. */
export class KeptReady {
  #due = 0;
  #isLooking = false;

  constructor(
    private readonly images: readonly string[],
    private readonly makeReady: (image: string) => Promise<void>,
    private readonly warn: (message: string, error: unknown) => void,
  ) {}

  /** Called often; does nothing until the next look is due. */
  look(now = performance.now()): void {
    if (this.#isLooking || now < this.#due) return;
    this.#isLooking = true;
    this.#due = now + AGAIN_MS;
    void Promise.all(this.images.map((image) => this.#see(image))).finally(() => (this.#isLooking = false));
  }

  async #see(image: string): Promise<void> {
    try {
      await this.makeReady(image);
    } catch (error) {
      this.warn(`no container of the image ${image} is kept ready`, error);
    }
  }
}
