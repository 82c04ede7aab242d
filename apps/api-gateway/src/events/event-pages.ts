import { Inject, Injectable } from '@nestjs/common';
import { OWNER, type RecordedEvent } from '@foldline/contracts';
import { PORT, Refusal, type EventStore } from '@foldline/kernel';

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

/** The log in pages. A filtered page looks at a bounded number of events, so it may be empty and still have a next. */
@Injectable()
export class EventPages {
  constructor(@Inject(PORT.eventStore) private readonly store: EventStore) {}

  async page(after: number, limit: number, filter: EventFilter): Promise<EventPage> {
    if (filter.category !== undefined && !Object.hasOwn(OWNER, filter.category))
      throw new Refusal('invalid_request', `there is no stream category ${filter.category}`);
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
