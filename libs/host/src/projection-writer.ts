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
    const stored = await this.read(events);
    const writes = new Map<string, Write>();
    for (const event of events) this.fold(event, stored, writes);
    const position = await this.reads.apply(this.name, last.position, [...writes.values()], expected);
    this.cool();
    return position;
  }

  /** Forgets the documents at hand: what was folded into them may not be what the read store has. */
  forget(): void {
    this.hot.clear();
  }

  /** The documents that these events change, asked for all at once: a read store may be far away. */
  private async read(events: readonly RecordedEvent[]): Promise<Map<string, Document | undefined>> {
    const reading = new Map<string, Promise<Document | undefined>>();
    for (const event of events) {
      for (const { collection, changes } of this.projections) {
        for (const id of changes.get(event.type)?.ids(event) ?? []) {
          const key = `${collection}/${id}`;
          if (!this.hot.has(key) && !reading.has(key)) reading.set(key, this.reads.get(collection, id));
        }
      }
    }
    const documents = await Promise.all(reading.values());
    return new Map([...reading.keys()].map((key, n) => [key, documents[n]]));
  }

  private fold(
    event: RecordedEvent,
    stored: ReadonlyMap<string, Document | undefined>,
    writes: Map<string, Write>,
  ): void {
    for (const { collection, changes, indexes } of this.projections) {
      const change = changes.get(event.type);
      if (!change) continue;
      for (const id of change.ids(event)) {
        const key = `${collection}/${id}`;
        const written = writes.get(key);
        const before = written ? written.doc : (this.hot.get(key) ?? stored.get(key));
        const doc = change.evolve(before, event, id);
        writes.set(key, { collection, id, doc, indexes: doc ? indexes(doc) : {} });
        this.hot.delete(key);
        if (doc) this.hot.set(key, doc);
      }
    }
  }

  private cool(): void {
    for (const key of this.hot.keys()) {
      if (this.hot.size <= HOT_DOCUMENTS) break;
      this.hot.delete(key);
    }
  }
}
