export { openFileObjectStore } from './file-object-store.ts';
