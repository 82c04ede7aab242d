export { openFileObjectStore } from './file-object-store.ts';
export { storedDigests } from './layout.ts';
