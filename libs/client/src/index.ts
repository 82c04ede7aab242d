export { ApiClient, ApiError, type Connection } from './api-client.ts';
export { viewLog } from './log-viewer.ts';
export { serverProgram, startServerProcess, type ServerProcess } from './server-process.ts';
export {
  PROJECT,
  Sandbox,
  jobNamed,
  type Accepted,
  type JobAnswer,
  type PipelineAnswer,
  type ProblemAnswer,
} from './sandbox.ts';
export { until } from './until.ts';
