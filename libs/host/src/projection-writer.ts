import type { RecordedEvent } from '@foldline/contracts';
import type { Document, Projection, ReadStore, Write } from '@foldline/kernel';

const HOT_DOCUMENTS = 5000;

/** Folds events into the documents of a read store, keeping those that change often at hand. */
export class ProjectionWriter {
  private readonly hot = new Map<string, Document>();

  constructor(
    /** Name under which the read store keeps how far these projections are. */
    private readonly name: string,
    private readonly reads: ReadStore,
    private readonly projections: readonly Projection[],
  ) {}

  /**
   * All changes of these events, and the position of the last, in one transaction. `expected` is the position behind
   * which they follow. Answers the position that the read store then has; nothing was changed when it is another one
   * than the last event's.
   */
  async apply(events: readonly RecordedEvent[], expected?: number): Promise<number | undefined> {
    const last = events.at(-1);
    if (!last) return expected;
    const writes = new Map<string, Write>();
    for (const event of events) await this.fold(event, writes);
    const stored = await this.reads.apply(this.name, last.position, [...writes.values()], expected);
    this.cool();
    return stored;
  }

  /** Forgets the documents at hand: what was folded into them may not be what the read store has. */
  forget(): void {
    this.hot.clear();
  }

  private async fold(event: RecordedEvent, writes: Map<string, Write>): Promise<void> {
    for (const { collection, changes, indexes } of this.projections) {
      const change = changes.get(event.type);
      if (!change) continue;
      for (const id of change.ids(event)) {
        const key = `${collection}/${id}`;
        const doc = change.evolve(await this.before(collection, id, key, writes), event, id);
        writes.set(key, { collection, id, doc, indexes: doc ? indexes(doc) : {} });
        this.hot.delete(key);
        if (doc) this.hot.set(key, doc);
      }
    }
  }

  private async before(
    collection: string,
    id: string,
    key: string,
    writes: Map<string, Write>,
  ): Promise<Document | undefined> {
    const written = writes.get(key);
    if (written) return written.doc;
    return this.hot.get(key) ?? this.reads.get(collection, id);
  }

  private cool(): void {
    for (const key of this.hot.keys()) {
      if (this.hot.size <= HOT_DOCUMENTS) break;
      this.hot.delete(key);
    }
  }
}
