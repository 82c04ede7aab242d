import { randomUUID } from 'node:crypto';
import { LABEL, type Belonging } from './container-options.ts';

/** What is made together and goes together: a container, or a network and those in it. */
export type Piece = {
  labels: Readonly<Record<string, string>>;
  /** Takes it away; what cannot be removed now is lost. */
  removing: (remove: () => Promise<void>) => Promise<void>;
  /** Nobody cares for it any more, and something of it may be there still. */
  lost: () => void;
};

/** How something is made for jobs that is a piece of its own. */
export type Making = Omit<Belonging, 'labels'> & { begin: () => Piece };

/**
 * The pieces that somebody of this process makes or has. A daemon that goes while it makes something has it when it is
 * back, and may never have said so: all that bears the label of no known piece is left over.
 */
export class Pieces {
  readonly #known = new Set<string>();
  #mayBeLeft = false;

  constructor(private readonly labels: Readonly<Record<string, string>>) {}

  begin(): Piece {
    const id = randomUUID();
    this.#known.add(id);
    const lost = (): void => {
      this.#known.delete(id);
      this.#mayBeLeft = true;
    };
    const removing = async (remove: () => Promise<void>): Promise<void> => {
      try {
        await remove();
        this.#known.delete(id);
      } catch (error) {
        lost();
        throw error;
      }
    };
    return { labels: { ...this.labels, [LABEL.piece]: id }, removing, lost };
  }

  has(labels: Readonly<Record<string, string>> | null | undefined): boolean {
    return this.#known.has(labels?.[LABEL.piece] ?? '');
  }

  /** Does it if something may be left; where that fails, it is done again the next time. */
  async clear(remove: () => Promise<void>): Promise<void> {
    if (!this.#mayBeLeft) return;
    this.#mayBeLeft = false;
    try {
      await remove();
    } catch {
      this.#mayBeLeft = true;
    }
  }
}
