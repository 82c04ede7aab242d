export { openFileLogStore } from './file-log-store.ts';
export { storedLogs } from './log-paths.ts';
