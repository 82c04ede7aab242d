import type { EventDefinition, RecordedEvent } from '@foldline/contracts';
import type { Document } from './ports/read-store.port.ts';

/**
 * A read model: which documents an event changes, and how. Pure; the same events always give the same documents.
 * A document id belongs to exactly one projection of a collection.
 */
export type Projection<Doc extends Document = Document> = {
  collection: string;
  /** Ordered index keys of a document, unique per index: end each with the document's id. */
  indexes: (doc: Doc) => Record<string, string>;
  changes: ReadonlyMap<string, Change<Doc>>;
  /**
   * What changes of other documents come to, where an event alone does not say enough. Nothing can follow a projection
   * that follows another one.
   */
  follows: readonly Following<Doc>[];
};

/** A document of another projection has become another one by this event; absent is that there is none. */
export type Changed<Source extends Document = Document> = {
  before: Source | undefined;
  after: Source | undefined;
  event: RecordedEvent;
};

export type Following<Doc extends Document> = {
  /** Whose documents are followed. */
  collection: string;
  ids: (changed: Changed) => readonly string[];
  evolve: (doc: Doc | undefined, changed: Changed, id: string) => Doc | undefined;
};

export type Change<Doc extends Document> = {
  ids: (event: RecordedEvent) => readonly string[];
  evolve: (doc: Doc | undefined, event: RecordedEvent, id: string) => Doc | undefined;
};

type ChangeEntry<Doc extends Document> = readonly [string, Change<Doc>];

/** One line of a projection: on this event, the documents with these ids become what `evolve` says; `undefined` removes. */
export const when = <Doc extends Document, Type extends string, Data>(
  definition: EventDefinition<Type, Data>,
  ids: (data: Data, event: RecordedEvent<Type, Data>) => string | readonly string[],
  evolve: (doc: Doc | undefined, event: RecordedEvent<Type, Data>, id: string) => Doc | undefined,
): ChangeEntry<Doc> => [
  definition.type,
  {
    ids: (event) => {
      const found = ids((event as RecordedEvent<Type, Data>).data, event as RecordedEvent<Type, Data>);
      return typeof found === 'string' ? [found] : found;
    },
    evolve: (doc, event, id) => evolve(doc, event as RecordedEvent<Type, Data>, id),
  },
];

/** The same for a change of a document of another collection, folded just before. */
export const whenChanged = <Doc extends Document, Source extends Document>(
  collection: string,
  ids: (changed: Changed<Source>) => readonly string[],
  evolve: (doc: Doc | undefined, changed: Changed<Source>, id: string) => Doc | undefined,
): Following<Doc> => ({
  collection,
  ids: (changed) => ids(changed as Changed<Source>),
  evolve: (doc, changed, id) => evolve(doc, changed as Changed<Source>, id),
});

export const defineProjection = <Doc extends Document>(
  collection: string,
  indexes: (doc: Doc) => Record<string, string>,
  entries: readonly ChangeEntry<Doc>[],
  follows: readonly Following<Doc>[] = [],
): Projection => {
  const changes = new Map(entries);
  if (changes.size !== entries.length) throw new Error(`${collection} handles an event twice`);
  return { collection, indexes, changes, follows } as unknown as Projection;
};

/** A document that an event concerns, and what it becomes by it. */
export type Concerned = Pick<Projection, 'collection' | 'indexes'> & {
  id: string;
  event: RecordedEvent;
  evolve: (doc: Document | undefined) => Document | undefined;
};
export type ChangedDocument = Changed & { collection: string };

/**
 * Projections by what they listen to. An event is folded in two rounds: first into the documents that it names itself,
 * then into those that follow what came of it.
 */
export class ProjectionRules {
  private readonly first: ByType = new Map();
  private readonly second: ByType = new Map();
  private readonly followers = new Map<string, { projection: Projection; following: Following<Document> }[]>();

  constructor(projections: readonly Projection[]) {
    for (const projection of projections) {
      const rules = projection.follows.length === 0 ? this.first : this.second;
      for (const type of projection.changes.keys()) rules.set(type, [...(rules.get(type) ?? []), projection]);
      for (const following of projection.follows) {
        const known = this.followers.get(following.collection) ?? [];
        this.followers.set(following.collection, [...known, { projection, following }]);
      }
    }
  }

  concernedBy(event: RecordedEvent): Concerned[] {
    return concernedIn(this.first, event);
  }

  /** `changes` are what the first round made of the event. */
  concernedAfter(event: RecordedEvent, changes: readonly ChangedDocument[]): Concerned[] {
    const following = changes.flatMap((changed) =>
      (this.followers.get(changed.collection) ?? []).flatMap(({ projection, following: { ids, evolve } }) =>
        ids(changed).map((id) => concerned(projection, event, id, (doc) => evolve(doc, changed, id))),
      ),
    );
    return [...concernedIn(this.second, event), ...following];
  }
}

type ByType = Map<string, Projection[]>;

const concernedIn = (rules: ByType, event: RecordedEvent): Concerned[] =>
  (rules.get(event.type) ?? []).flatMap((projection) => {
    const { ids, evolve } = projection.changes.get(event.type)!;
    return ids(event).map((id) => concerned(projection, event, id, (doc) => evolve(doc, event, id)));
  });

const concerned = (
  { collection, indexes }: Projection,
  event: RecordedEvent,
  id: string,
  evolve: Concerned['evolve'],
): Concerned => ({ collection, indexes, event, id, evolve });

/** Folds events into documents in memory: the state as it was, or a rebuilt model to compare with. */
export class DocumentFold {
  readonly documents = new Map<string, Map<string, Document>>();
  private readonly rules: ProjectionRules;

  constructor(projections: readonly Projection[]) {
    this.rules = new ProjectionRules(projections);
    for (const { collection } of projections) this.documents.set(collection, new Map());
  }

  apply(event: RecordedEvent): void {
    const changes = this.rules.concernedBy(event).map((each) => this.change(each));
    const real = changes.filter(({ before, after }) => before !== after);
    for (const each of this.rules.concernedAfter(event, real)) this.change(each);
  }

  private change({ collection, id, event, evolve }: Concerned): ChangedDocument {
    const documents = this.documents.get(collection)!;
    const before = documents.get(id);
    const after = evolve(before);
    if (after) documents.set(id, after);
    else documents.delete(id);
    return { collection, before, after, event };
  }
}
