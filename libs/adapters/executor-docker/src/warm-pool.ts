import type { PreparedContainer } from './prepared-container.ts';

export type WarmPoolSettings = {
  /** How many containers wait at most; 0 for none. */
  size: number;
  /** How long one waits for a job. */
  idleMs: number;
  /** Of which one is to wait always, however long. */
  images?: readonly string[];
};

type Waiting = { key: string; prepared: PreparedContainer; expires: NodeJS.Timeout | undefined };

/**
 * Containers that were made before anybody asked for them, each for one job: it is taken once, and never put back. After
 * a job has used an image, one more container of it is made ready.
 */
export class WarmPool {
  /** The one that has waited longest comes first. */
  readonly #waiting = new Set<Waiting>();
  readonly #beingMade = new Map<string, number>();
  readonly #going = new Set<Promise<void>>();
  /** The keys of which one is to wait always, by the name of their image. */
  readonly #kept = new Map<string, string>();
  #isClosed = false;

  constructor(private readonly settings: WarmPoolSettings) {}

  /** From now on one of the key waits, in the place of what the same name stood for before. */
  keep(image: string, key: string, make: () => Promise<PreparedContainer>): void {
    const before = this.#kept.get(image);
    this.#kept.set(image, key);
    for (const waiting of this.#waiting) {
      const isOfUse = waiting.key === key ? !waiting.prepared.isGone : waiting.key !== before;
      if (!isOfUse) this.#discard(waiting);
    }
    if (this.#countOf(key) === 0) this.refill(key, make);
  }

  /** What has ended meanwhile goes at once. */
  look(): void {
    for (const waiting of this.#waiting) if (waiting.prepared.isGone) this.#discard(waiting);
  }

  /** A job that will ask for this image is about to come. */
  wake(imageId: string): void {
    for (const { prepared } of this.#waiting) if (prepared.imageId === imageId) return prepared.wake();
  }

  /** Answers nothing when none is ready. What has died meanwhile is removed. */
  async take(key: string): Promise<PreparedContainer | undefined> {
    for (const waiting of this.#waiting) {
      if (waiting.key !== key) continue;
      this.#forget(waiting);
      if (await waiting.prepared.answers()) return waiting.prepared;
      this.#remove(waiting.prepared);
    }
    return undefined;
  }

  /** Makes one more ready, unless there are enough; the one that has waited longest makes room. */
  refill(key: string, make: () => Promise<PreparedContainer>): void {
    if (this.#isClosed || this.#countOf(key) >= this.settings.size) return;
    this.#beingMade.set(key, (this.#beingMade.get(key) ?? 0) + 1);
    this.#follow(
      make()
        .then(
          (prepared) => this.#add(key, prepared),
          // The next job that asks for one is told why.
          () => undefined,
        )
        .finally(() => this.#beingMade.set(key, this.#beingMade.get(key)! - 1)),
    );
  }

  /** Resolves when nothing is left of what was waiting. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const waiting of this.#waiting) this.#discard(waiting);
    while (this.#going.size > 0) await Promise.all(this.#going);
  }

  #countOf(key: string): number {
    const ready = [...this.#waiting].filter((waiting) => waiting.key === key).length;
    return ready + (this.#beingMade.get(key) ?? 0);
  }

  #add(key: string, prepared: PreparedContainer): void {
    if (this.#isClosed) return this.#remove(prepared);
    const expires = this.#isKept(key)
      ? undefined
      : setTimeout(() => this.#discard(waiting), this.settings.idleMs).unref();
    const waiting: Waiting = { key, prepared, expires };
    this.#waiting.add(waiting);
    if (this.#waiting.size <= this.settings.size) return;
    const all = [...this.#waiting];
    this.#discard(all.find((one) => !this.#isKept(one.key)) ?? all[0]!);
  }

  #isKept(key: string): boolean {
    return [...this.#kept.values()].includes(key);
  }

  #discard(waiting: Waiting): void {
    this.#forget(waiting);
    this.#remove(waiting.prepared);
  }

  #forget(waiting: Waiting): void {
    clearTimeout(waiting.expires);
    this.#waiting.delete(waiting);
  }

  /** What cannot be removed now is found by its labels. */
  #remove(prepared: PreparedContainer): void {
    this.#follow(
      prepared
        .remove()
        .catch(() => prepared.slot.remove())
        .catch(() => undefined),
    );
  }

  #follow(work: Promise<void>): void {
    this.#going.add(work);
    void work.finally(() => this.#going.delete(work));
  }
}
