import type { NewEvent, RecordedEvent } from '@foldline/contracts';
import { DocumentFold, type Document } from '@foldline/kernel';
import { READ_MODELS } from './read-models.ts';

export const timeAt = (position: number): string => new Date(Date.UTC(2030, 0, 1) + position * 1000).toISOString();

/** Events as the log would give them back, one second apart. */
export const history = (...events: NewEvent[]): RecordedEvent[] =>
  events.map((event, n) => ({
    ...event,
    id: `event-${n + 1}`,
    stream: 'pipeline-p1',
    revision: n,
    position: n + 1,
    causationId: 'cause',
    correlationId: 'p1',
    actor: { kind: 'user', id: 'admin' },
    recordedAt: timeAt(n + 1),
  }));

/** One document after a history. */
export const documentAfter = <Doc extends Document>(
  collection: string,
  id: string,
  ...events: NewEvent[]
): Doc | undefined => {
  const fold = new DocumentFold(READ_MODELS);
  for (const event of history(...events)) fold.apply(event);
  return fold.documents.get(collection)!.get(id) as Doc | undefined;
};

export const indexesOf = (collection: string, doc: Document): Record<string, string> =>
  READ_MODELS.find((projection) => projection.collection === collection)!.indexes(doc);
