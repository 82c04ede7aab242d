export { ApiClient, ApiError, type Connection } from './api-client.ts';
export { Cluster, type Instances } from './cluster.ts';
export { type ClusterService, type Host } from './cluster-service.ts';
export { viewLog } from './log-viewer.ts';
export { ChildProgram } from './child-program.ts';
export { serverProgram, serviceProgram } from './programs.ts';
export { startServerProcess, type Server, type ServerProcess } from './server-process.ts';
export { TOPOLOGIES, topologyAskedFor, type Topology } from './topology.ts';
export {
  PROJECT,
  START_MS,
  Sandbox,
  jobNamed,
  type Accepted,
  type JobAnswer,
  type PipelineAnswer,
  type ProblemAnswer,
} from './sandbox.ts';
export { until } from './until.ts';
