import { Inject, Injectable } from '@nestjs/common';
import { PORT, Refusal, type Document, type EventStore, type ReadModels, type ReadStore } from '@foldline/kernel';

const WAIT_MS = 5000;

/** Answers that must show what was just written wait for the read models, never longer than five seconds. */
@Injectable()
export class ReadYourWrites {
  constructor(
    @Inject(PORT.readModels) private readonly models: ReadModels,
    @Inject(PORT.eventStore) private readonly store: EventStore,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
  ) {}

  /** `?minPosition=`: waits until the documents show everything up to there. */
  async reach(position: number | undefined): Promise<void> {
    if (position === undefined || (await this.models.reached(position, WAIT_MS))) return;
    throw new Refusal('read_models_behind', `the read models have not reached position ${position} yet`, {
      position: this.models.position(),
    });
  }

  /** Waits until the documents show everything that is stored now; for checks that decide something. */
  async reachEnd(): Promise<void> {
    await this.reach(await this.store.lastPosition());
  }

  /** A document; one that seems missing is looked for again when the read models have caught up. */
  async find<Doc extends Document>(collection: string, id: string): Promise<Doc | undefined> {
    // Asked before: a document that was projected behind the look must not count as one that does not exist.
    const shown = this.models.position();
    const found = await this.reads.get<Doc>(collection, id);
    if (found || shown >= (await this.store.lastPosition())) return found;
    await this.reachEnd();
    return this.reads.get<Doc>(collection, id);
  }
}
