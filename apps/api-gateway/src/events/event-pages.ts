import { Inject, Injectable } from '@nestjs/common';
import { definitionOf, eventTypes, OWNER, type RecordedEvent } from '@foldline/contracts';
import { PORT, type EventStore, type Refusal } from '@foldline/kernel';
import { nearMatch } from '../http/near-match.ts';
import { invalidRequest } from '../http/validation.pipe.ts';

/** Events that one filtered page looks at. */
const SCANNED_PER_PAGE = 5000;
const READ = 1000;

export type EventFilter = { type?: string; stream?: string; category?: string; pipeline?: string };

export type EventPage = { items: RecordedEvent[]; nextCursor?: string };

const pipelineIdIn = ({ data }: RecordedEvent): unknown => (data as { pipelineId?: unknown } | null)?.pipelineId;

export const matches = (event: RecordedEvent, { type, stream, category, pipeline }: EventFilter): boolean =>
  (type === undefined || event.type === type) &&
  (stream === undefined || event.stream === stream) &&
  (category === undefined || event.stream.startsWith(`${category}-`)) &&
  (pipeline === undefined || event.correlationId === pipeline || pipelineIdIn(event) === pipeline);

const unknown = (pointer: string, what: string, given: string, known: readonly string[]): Refusal => {
  const meant = nearMatch(given, known);
  const hint = meant === undefined ? `There are: ${known.join(', ')}` : `Did you mean ${meant}?`;
  return invalidRequest([{ pointer, message: `there is no ${what} ${given}. ${hint}` }]);
};

/** Throws a `Refusal` for a filter that no event could ever pass. */
export const checkFilter = ({ type, category }: EventFilter): void => {
  if (type !== undefined && !definitionOf(type)) throw unknown('/type', 'type of event', type, eventTypes().toSorted());
  if (category !== undefined && !Object.hasOwn(OWNER, category))
    throw unknown('/category', 'stream category', category, Object.keys(OWNER));
};

/** The log in pages. A filtered page looks at a bounded number of events, so it may be empty and still have a next. */
@Injectable()
export class EventPages {
  constructor(@Inject(PORT.eventStore) private readonly store: EventStore) {}

  async page(after: number, limit: number, filter: EventFilter): Promise<EventPage> {
    if (filter.stream !== undefined) return this.ofStream(filter.stream, after, limit, filter);
    const items: RecordedEvent[] = [];
    let position = after;
    for (let scanned = 0; scanned < SCANNED_PER_PAGE;) {
      const categories = filter.category === undefined ? {} : { categories: [filter.category] };
      const events = await this.store.readAll({ after: position, limit: READ, ...categories });
      for (const event of events) {
        position = event.position;
        if (!matches(event, filter)) continue;
        items.push(event);
        if (items.length === limit) return { items, nextCursor: String(position) };
      }
      scanned += events.length;
      if (events.length < READ) return { items };
    }
    return { items, nextCursor: String(position) };
  }

  private async ofStream(stream: string, after: number, limit: number, filter: EventFilter): Promise<EventPage> {
    const items: RecordedEvent[] = [];
    for (let revision = 0; ; revision += READ) {
      const events = await this.store.readStream(stream, revision, READ);
      for (const event of events) {
        if (event.position <= after || !matches(event, filter)) continue;
        items.push(event);
        if (items.length === limit) return { items, nextCursor: String(event.position) };
      }
      if (events.length < READ) return { items };
    }
  }
}
