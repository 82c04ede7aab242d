import { randomUUID } from 'node:crypto';
import type { RecordedEvent } from '@foldline/contracts';
import { WrongExpectedRevision, type EventStore } from '@foldline/kernel';
import { eventStoreContract, withRealServer } from '@foldline/testing';
import { openEsdbEventStore } from './esdb-event-store.ts';

const PAGE = 500;

/**
 * The part of a shared log that one test writes, as if it were the whole: streams of its own behind the end that the log
 * had before. Every call goes through the store under test; nothing is answered from here.
 */
const ownPart = (store: EventStore, name: string, base: number): EventStore => {
  const outside = (stream: string): string => `${stream}~${name}`;
  const isOwn = ({ stream }: RecordedEvent): boolean => stream.endsWith(`~${name}`);
  const inside = (event: RecordedEvent): RecordedEvent => ({
    ...event,
    stream: event.stream.slice(0, -1 - name.length),
  });
  const own = (events: readonly RecordedEvent[]): RecordedEvent[] => events.filter(isOwn).map(inside);
  const readAll: EventStore['readAll'] = async ({ after, limit, categories }) => {
    const found: RecordedEvent[] = [];
    for (let from = Math.max(after, base); found.length < limit;) {
      const page = await store.readAll({ after: from, limit: PAGE, ...(categories ? { categories } : {}) });
      found.push(...own(page));
      if (page.length < PAGE) break;
      from = page.at(-1)!.position;
    }
    return found.slice(0, limit);
  };
  return {
    append: async (stream, events, expected) => {
      try {
        const appended = await store.append(outside(stream), events, expected);
        return { ...appended, events: appended.events.map(inside) };
      } catch (error) {
        if (!(error instanceof WrongExpectedRevision)) throw error;
        throw new WrongExpectedRevision(
          inside({ stream: error.stream } as RecordedEvent).stream,
          error.expected,
          error.actual,
        );
      }
    },
    readStream: async (stream, from, limit) => own(await store.readStream(outside(stream), from, limit)),
    readAll,
    follow: (after, listener, signal, options) => {
      const take = async (events: readonly RecordedEvent[]): Promise<void> => {
        if (events.some(isOwn)) await listener(own(events));
        else if (events.length === 0) await listener([]);
      };
      return store.follow(Math.max(after, base), take, signal, options);
    },
    lastPosition: async () => {
      const last = (await readAll({ after: 0, limit: Number.MAX_SAFE_INTEGER })).at(-1);
      return last ? store.lastPosition().then((position) => Math.min(position, last.position)) : 0;
    },
    close: () => store.close(),
  };
};

withRealServer('FOLDLINE_TEST_EVENTSTORE_URL', (url) => {
  eventStoreContract('EventStoreDB', async () => {
    const name = randomUUID();
    let store = openEsdbEventStore({ url });
    const base = await store.lastPosition();
    return {
      store: ownPart(store, name, base),
      reopen: async () => {
        await store.close();
        store = openEsdbEventStore({ url });
        return ownPart(store, name, base);
      },
      close: () => store.close(),
    };
  });
});
