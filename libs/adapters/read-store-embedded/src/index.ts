export { EmbeddedReadStore, openEmbeddedReadStore, type EmbeddedReadStoreOptions } from './embedded-read-store.ts';
export { openReadStoreSnapshot } from './read-store-snapshot.ts';
