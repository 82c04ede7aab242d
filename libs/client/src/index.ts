export { ApiClient, ApiError, type Connection } from './api-client.ts';
export { viewLog } from './log-viewer.ts';
export { startServerProcess, type ServerProcess } from './server-process.ts';
