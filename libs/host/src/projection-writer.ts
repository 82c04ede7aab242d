import type { RecordedEvent } from '@foldline/contracts';
import {
  ProjectionRules,
  type ChangedDocument,
  type Concerned,
  type Document,
  type Projection,
  type ReadStore,
  type Write,
} from '@foldline/kernel';

const HOT_DOCUMENTS = 5000;

type Folded = Pick<Concerned, 'collection' | 'indexes' | 'id'> & { doc: Document | undefined; isChanged: boolean };

/** Folds events into the documents of a read store, keeping those that change often at hand. */
export class ProjectionWriter {
  private readonly hot = new Map<string, Document>();
  private readonly rules: ProjectionRules;

  constructor(
    /** Name under which the read store keeps how far these projections are. */
    private readonly name: string,
    private readonly reads: ReadStore,
    projections: readonly Projection[],
  ) {
    this.rules = new ProjectionRules(projections);
  }

  /**
   * All changes of these events, and the position of the last, in one transaction. `expected` is the position behind
   * which they follow. Answers the position that the read store then has; nothing was changed when it is another one
   * than the last event's.
   */
  async apply(events: readonly RecordedEvent[], expected?: number): Promise<number | undefined> {
    const last = events.at(-1);
    if (!last) return expected;
    const folded = new Map<string, Folded>();
    const changes = await this.fold(
      events.flatMap((event) => this.rules.concernedBy(event)),
      folded,
    );
    await this.fold(
      events.flatMap((event) => this.rules.concernedAfter(event, changes.get(event) ?? [])),
      folded,
    );
    // However often a document changed, it is written once and found by the indexes that it has in the end.
    const writes = [...folded.values()].filter(({ isChanged }) => isChanged).map(writeOf);
    const position = await this.reads.apply(this.name, last.position, writes, expected);
    this.keep(folded);
    return position;
  }

  /** Forgets the documents at hand: what was folded into them may not be what the read store has. */
  forget(): void {
    this.hot.clear();
  }

  /** The documents as they are before, asked for all at once: a read store may be far away. */
  private async read(concerned: readonly Concerned[]): Promise<Map<string, Document | undefined>> {
    const reading = new Map<string, Promise<Document | undefined>>();
    const before = new Map<string, Document | undefined>();
    for (const { collection, id } of concerned) {
      const key = `${collection}/${id}`;
      if (before.has(key)) continue;
      const hot = this.hot.get(key);
      before.set(key, hot);
      if (!hot) reading.set(key, this.reads.get(collection, id));
    }
    const documents = await Promise.all(reading.values());
    for (const [n, key] of [...reading.keys()].entries()) before.set(key, documents[n]);
    return before;
  }

  /** Adds what became of the documents to `folded`; answers the changes that each event made. */
  private async fold(
    concerned: readonly Concerned[],
    folded: Map<string, Folded>,
  ): Promise<Map<RecordedEvent, ChangedDocument[]>> {
    const stored = await this.read(concerned);
    const changes = new Map<RecordedEvent, ChangedDocument[]>();
    for (const { collection, indexes, id, event, evolve } of concerned) {
      const key = `${collection}/${id}`;
      let of = folded.get(key);
      if (!of) folded.set(key, (of = { collection, indexes, id, doc: stored.get(key), isChanged: false }));
      const before = of.doc;
      const after = evolve(before);
      if (after === before) continue;
      of.isChanged = true;
      of.doc = after;
      const made = changes.get(event);
      const change = { collection, before, after, event };
      if (made) made.push(change);
      else changes.set(event, [change]);
    }
    return changes;
  }

  private keep(folded: ReadonlyMap<string, Folded>): void {
    for (const [key, { doc }] of folded) {
      this.hot.delete(key);
      if (doc) this.hot.set(key, doc);
    }
    for (const key of this.hot.keys()) {
      if (this.hot.size <= HOT_DOCUMENTS) break;
      this.hot.delete(key);
    }
  }
}

const writeOf = ({ collection, indexes, id, doc }: Folded): Write => ({
  collection,
  id,
  doc,
  indexes: doc ? indexes(doc) : {},
});
