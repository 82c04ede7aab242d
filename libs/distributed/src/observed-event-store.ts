import { WrongExpectedRevision, type EventStore } from '@foldline/kernel';
import type { Metrics } from './metrics.ts';

/** The same store, whose appends are measured. */
export const observedEventStore = (store: EventStore, metrics: Metrics): EventStore => ({
  append: async (stream, events, expected) => {
    const start = performance.now();
    const seconds = (): number => (performance.now() - start) / 1000;
    try {
      const appended = await store.append(stream, events, expected);
      metrics.appended('stored', seconds());
      return appended;
    } catch (error) {
      metrics.appended(error instanceof WrongExpectedRevision ? 'refused' : 'failed', seconds());
      throw error;
    }
  },
  readStream: (stream, from, limit) => store.readStream(stream, from, limit),
  readAll: (query) => store.readAll(query),
  follow: (after, listener, signal, options) => store.follow(after, listener, signal, options),
  lastPosition: () => store.lastPosition(),
  close: () => store.close(),
});
