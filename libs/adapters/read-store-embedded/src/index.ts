export { EmbeddedReadStore, openEmbeddedReadStore, type EmbeddedReadStoreOptions } from './embedded-read-store.ts';
export { openReadStoreSnapshot, type ReadStoreSnapshot } from './read-store-snapshot.ts';
export type { Entry } from './read-models.ts';
