import { createHash } from 'node:crypto';
import type { RecordedEvent } from '@foldline/contracts';
import { contentHash, type EventStore } from '@foldline/kernel';
import { eventsOf } from './log-pages.ts';

/** What a log holds, so that two can be compared: the hash of each stream, and of the order and times of all events. */
export type LogSummary = { events: number; streams: Map<string, { events: number; hash: string }>; order: string };

export const summaryOf = async (store: EventStore, seen: (event: RecordedEvent) => void): Promise<LogSummary> => {
  const streams: LogSummary['streams'] = new Map();
  const order = createHash('sha256');
  let events = 0;
  for await (const event of eventsOf(store)) {
    const before = streams.get(event.stream);
    streams.set(event.stream, { events: (before?.events ?? 0) + 1, hash: contentHash(event, before?.hash) });
    order.update(`${event.id} ${event.recordedAt}\n`);
    events += 1;
    seen(event);
  }
  return { events, streams, order: order.digest('hex') };
};

const MAXIMUM_NAMED = 20;

/** In what the copy differs, a line per stream, the first ones. */
export const differencesOf = (source: LogSummary, copy: LogSummary): string[] => {
  const lines: string[] = [];
  for (const stream of new Set([...source.streams.keys(), ...copy.streams.keys()])) {
    const [one, other] = [source.streams.get(stream), copy.streams.get(stream)];
    if (one?.hash === other?.hash) continue;
    lines.push(`stream ${stream}: ${one?.events ?? 0} events in the data directory, ${other?.events ?? 0} in the copy`);
  }
  if (lines.length === 0 && source.order !== copy.order) lines.push('the order or the times of events');
  return lines.slice(0, MAXIMUM_NAMED);
};
