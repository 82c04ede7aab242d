export { openFileLogStore } from './file-log-store.ts';
