import { TransientError, type ReadModels, type ReadStore } from '@foldline/kernel';

/** The read models were lost, and do not yet show again what they showed before. */
export class Rebuilding extends TransientError {
  override readonly name = 'Rebuilding';
}

/**
 * Documents of read models that were lost and are being filled again are told to nobody: what is not there yet looks like
 * what never was. Read models that are merely behind the log are whole.
 */
export class WholeReadModels {
  private mustShow = 0;

  constructor(private readonly models: ReadModels) {}

  /** From now on the read models count as whole only when they show everything up to the position. */
  require(position: number): void {
    this.mustShow = Math.max(this.mustShow, position);
  }

  /** True when they show all that they are known to have shown. */
  async areWhole(): Promise<boolean> {
    if (!(await this.models.reached(this.mustShow, 0))) return false;
    this.require(this.models.position());
    return true;
  }

  /** The store, whose documents are read only while they are whole. */
  guard(reads: ReadStore): ReadStore {
    // Asked afterwards: a store that loses its memory before the answer is known to have lost it by then.
    const whole = async <Answer>(answer: Promise<Answer>): Promise<Answer> => {
      const answered = await answer;
      // Those that follow the log no more still show what they showed; that they stopped is for readiness to say.
      if (await this.areWhole().catch(() => true)) return answered;
      const shown = `${this.models.position()} of ${this.mustShow}`;
      throw new Rebuilding(`the read models are being rebuilt from the log: they show position ${shown}`);
    };
    return {
      get: (collection, id) => whole(reads.get(collection, id)),
      query: (collection, query) => whole(reads.query(collection, query)),
      count: (collection, query) => whole(reads.count(collection, query)),
      scan: (collection, afterId, limit) => whole(reads.scan(collection, afterId, limit)),
      apply: (...change) => reads.apply(...change),
      position: (projection) => reads.position(projection),
      reset: (projection, collections) => reads.reset(projection, collections),
      close: () => reads.close(),
    };
  }
}
