import type { RecordedEvent } from '@foldline/contracts';
import type { Change, Document, Projection, ReadStore, Write } from '@foldline/kernel';

const HOT_DOCUMENTS = 5000;

/** What one projection makes of one type of event. */
type Rule = Pick<Projection, 'collection' | 'indexes'> & { change: Change<Document> };
/** A document that an event concerns. */
type Concerned = { event: RecordedEvent; rule: Rule; id: string; key: string };
type Folded = { rule: Rule; id: string; doc: Document | undefined; isChanged: boolean };

/** Folds events into the documents of a read store, keeping those that change often at hand. */
export class ProjectionWriter {
  private readonly hot = new Map<string, Document>();
  private readonly rules = new Map<string, Rule[]>();

  constructor(
    /** Name under which the read store keeps how far these projections are. */
    private readonly name: string,
    private readonly reads: ReadStore,
    projections: readonly Projection[],
  ) {
    for (const { collection, indexes, changes } of projections) {
      for (const [type, change] of changes) {
        const rules = this.rules.get(type) ?? [];
        this.rules.set(type, [...rules, { collection, indexes, change }]);
      }
    }
  }

  /**
   * All changes of these events, and the position of the last, in one transaction. `expected` is the position behind
   * which they follow. Answers the position that the read store then has; nothing was changed when it is another one
   * than the last event's.
   */
  async apply(events: readonly RecordedEvent[], expected?: number): Promise<number | undefined> {
    const last = events.at(-1);
    if (!last) return expected;
    const concerned = this.concernedBy(events);
    const folded = this.fold(concerned, await this.read(concerned));
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

  private concernedBy(events: readonly RecordedEvent[]): Concerned[] {
    const concerned: Concerned[] = [];
    for (const event of events) {
      for (const rule of this.rules.get(event.type) ?? []) {
        for (const id of rule.change.ids(event)) concerned.push({ event, rule, id, key: `${rule.collection}/${id}` });
      }
    }
    return concerned;
  }

  /** The documents as they are before, asked for all at once: a read store may be far away. */
  private async read(concerned: readonly Concerned[]): Promise<Map<string, Document | undefined>> {
    const reading = new Map<string, Promise<Document | undefined>>();
    const before = new Map<string, Document | undefined>();
    for (const { rule, id, key } of concerned) {
      if (before.has(key)) continue;
      const hot = this.hot.get(key);
      before.set(key, hot);
      if (!hot) reading.set(key, this.reads.get(rule.collection, id));
    }
    const documents = await Promise.all(reading.values());
    for (const [n, key] of [...reading.keys()].entries()) before.set(key, documents[n]);
    return before;
  }

  private fold(
    concerned: readonly Concerned[],
    stored: ReadonlyMap<string, Document | undefined>,
  ): Map<string, Folded> {
    const folded = new Map<string, Folded>();
    for (const { event, rule, id, key } of concerned) {
      let of = folded.get(key);
      if (!of) folded.set(key, (of = { rule, id, doc: stored.get(key), isChanged: false }));
      const doc = rule.change.evolve(of.doc, event, id);
      if (doc !== of.doc) of.isChanged = true;
      of.doc = doc;
    }
    return folded;
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

const writeOf = ({ rule, id, doc }: Folded): Write => ({
  collection: rule.collection,
  id,
  doc,
  indexes: doc ? rule.indexes(doc) : {},
});
