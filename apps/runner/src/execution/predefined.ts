import { jobFactVariables, jobUrl, pipelineFactVariables, toTheSecond, type JobAssigned } from '@foldline/contracts';
import { environmentOfJob } from '@foldline/kernel';

type Assignment = ReturnType<typeof JobAssigned>['data'];

/** What only the runner knows of where and when a job runs. */
export type Surroundings = {
  workspace: string;
  /** Where the workspaces of all jobs lie. */
  buildsDirectory: string;
  /** A directory outside of the workspace that goes with the job. */
  filesDirectory: string;
  executor: string;
  version: string;
  /** What jobs may ask of the runner by name. */
  tags: readonly string[];
  startedAt: string;
  /** The number of the job among those of its runner, and of its project there, that run at the same time. */
  seat: { ofRunner: number; ofProject: number };
};

/** `linux/amd64`, as programs are named after their platform. */
export const ARCHITECTURE = `${process.platform}/${{ x64: 'amd64', ia32: '386' }[process.arch as string] ?? process.arch}`;

/** Everything that a job is told about itself and its surroundings. */
export const predefinedVariables = (assignment: Assignment, around: Surroundings): Record<string, string> => {
  const { context, job, jobId, cluster, attempt, runnerId } = assignment;
  const { index = 0, total = 1, first = 0 } = job.node ?? {};
  const url = jobUrl(context, jobId);
  return {
    ...pipelineFactVariables(context),
    ...jobFactVariables(job),
    CI_PROJECT_DIR: around.workspace,
    CI_BUILDS_DIR: around.buildsDirectory,
    CI_REPOSITORY_URL: context.project.url,
    CI_JOB_ID: jobId,
    CI_JOB_ATTEMPT: String(attempt),
    CI_JOB_STARTED_AT: toTheSecond(around.startedAt),
    CI_JOB_TIMEOUT: String(job.timeoutSeconds),
    ...(url !== undefined && { CI_JOB_URL: url }),
    ...(job.when === 'manual' && { CI_JOB_MANUAL: 'true' }),
    CI_CLUSTER_ID: cluster.id,
    CI_CLUSTER_POWER: cluster.power,
    CI_NODE_INDEX: String(index + first),
    CI_NODE_TOTAL: String(total),
    CI_NODE_NUMBER: String(index + 1),
    CI_RUNNER_ID: runnerId,
    CI_RUNNER_DESCRIPTION: runnerId,
    CI_RUNNER_VERSION: around.version,
    CI_RUNNER_EXECUTABLE_ARCH: ARCHITECTURE,
    CI_RUNNER_TAGS: JSON.stringify(around.tags),
    CI_CONCURRENT_ID: String(around.seat.ofRunner),
    CI_CONCURRENT_PROJECT_ID: String(around.seat.ofProject),
    ...(around.executor === 'process' && { CI_SHARED_ENVIRONMENT: 'true' }),
    ...environmentVariables(assignment),
  };
};

const environmentVariables = (assignment: Assignment): Record<string, string> => {
  const environment = environmentOfJob(assignment);
  if (!environment) return {};
  const { url, variables } = environment;
  return { ...variables, ...(url !== undefined && { CI_ENVIRONMENT_URL: url }) };
};

/** How a job stands, in the words of GitLab: scripts compare them. */
export type StatusWord = 'running' | 'success' | 'failed' | 'canceled';

export const statusVariable = (status: StatusWord): Record<string, string> => ({ CI_JOB_STATUS: status });
