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

export const defineProjection = <Doc extends Document>(
  collection: string,
  indexes: (doc: Doc) => Record<string, string>,
  entries: readonly ChangeEntry<Doc>[],
): Projection => {
  const changes = new Map(entries);
  if (changes.size !== entries.length) throw new Error(`${collection} handles an event twice`);
  return { collection, indexes, changes } as unknown as Projection;
};

/** Folds events into documents in memory: the state as it was, or a rebuilt model to compare with. */
export class DocumentFold {
  readonly documents = new Map<string, Map<string, Document>>();
  constructor(private readonly projections: readonly Projection[]) {
    for (const { collection } of projections) this.documents.set(collection, new Map());
  }

  apply(event: RecordedEvent): void {
    for (const { collection, changes } of this.projections) {
      const change = changes.get(event.type);
      if (!change) continue;
      const documents = this.documents.get(collection)!;
      for (const id of change.ids(event)) {
        const next = change.evolve(documents.get(id), event, id);
        if (next) documents.set(id, next);
        else documents.delete(id);
      }
    }
  }
}
