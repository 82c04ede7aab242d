import type { EventStore } from '@foldline/kernel';

/** The store as it is, but for the calls that are given another way to it. */
export const storeWith = (store: EventStore, ways: Partial<EventStore>): EventStore => ({
  append: (...call) => store.append(...call),
  readStream: (...call) => store.readStream(...call),
  readAll: (...call) => store.readAll(...call),
  follow: (...call) => store.follow(...call),
  lastPosition: () => store.lastPosition(),
  close: () => store.close(),
  ...ways,
});
