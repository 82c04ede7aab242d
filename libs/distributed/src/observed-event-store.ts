import { WrongExpectedRevision, type EventStore } from '@foldline/kernel';
import type { Metrics } from './metrics.ts';
import type { Tracing } from './tracing.ts';

/** The same store, whose appends are measured and traced. */
export const observedEventStore = (store: EventStore, metrics: Metrics, tracing?: Tracing): EventStore => ({
  append: async (stream, events, expected) => {
    const start = performance.now();
    const startTime = Date.now();
    const seconds = (): number => (performance.now() - start) / 1000;
    try {
      const appended = await store.append(stream, events, expected);
      metrics.appended('stored', seconds());
      tracing?.appended(appended.events, startTime);
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
