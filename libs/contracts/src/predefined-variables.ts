import { beginning } from './beginning.ts';
import type { GitRef, PipelineContext } from './pipeline-context.ts';
import type { VariableLayer } from './variable-sources.ts';
import { slugOf } from './variables.ts';

const MAX_MESSAGE = 16 * 1024;
/** A longer first line is no title: the whole message then is the description. */
const LONGEST_TITLE = 100;
const NO_COMMIT = '0'.repeat(40);

/** What is known of a pipeline; while it is being planned that is less than when its jobs run. */
export type PipelineFacts = {
  ref: Pick<GitRef, 'name' | 'kind'> & Partial<GitRef>;
  /** Nothing asks for a pipeline of a merge request yet, but one can be planned without being run. */
  source: PipelineContext['source'] | 'merge_request_event';
} & Partial<Omit<PipelineContext, 'ref' | 'source' | 'variables' | 'projectVariables' | 'secrets'>>;

/** Variables that say what a pipeline runs for: the same for all of its jobs (S0-48, S0-49). */
export const pipelineFactVariables = (facts: PipelineFacts): Record<string, string> => ({
  CI: 'true',
  FOLDLINE: 'true',
  CI_PIPELINE_SOURCE: facts.source,
  CI_COMMIT_BEFORE_SHA: facts.before ?? NO_COMMIT,
  ...refVariables(facts.ref),
  ...commitVariables(facts),
  ...given({
    CI_PIPELINE_ID: facts.pipelineId,
    CI_PIPELINE_NAME: facts.name,
    CI_PIPELINE_CREATED_AT: facts.createdAt && toTheSecond(facts.createdAt),
    CI_CONFIG_PATH: facts.file,
  }),
  ...placeFactVariables(facts),
});

/** Variables that say where a pipeline runs: the same for all of a project, but for the address of each. */
export const placeFactVariables = (
  facts: Pick<PipelineFacts, 'project' | 'server' | 'pipelineId'>,
): Record<string, string> => ({ ...projectVariables(facts), ...serverVariables(facts) });

const refVariables = (ref: PipelineFacts['ref']): Record<string, string> => ({
  CI_COMMIT_REF_NAME: ref.name,
  CI_COMMIT_REF_SLUG: slugOf(ref.name),
  ...(ref.kind === 'tag' && { CI_COMMIT_TAG: ref.name }),
  ...(ref.kind === 'branch' && { CI_COMMIT_BRANCH: ref.name }),
  ...(ref.protected !== undefined && { CI_COMMIT_REF_PROTECTED: String(ref.protected) }),
});

const commitVariables = ({ sha, message, commit }: PipelineFacts): Record<string, string> =>
  given({
    CI_COMMIT_SHA: sha,
    CI_COMMIT_SHORT_SHA: sha?.slice(0, 8),
    CI_COMMIT_MESSAGE: message === undefined ? undefined : beginning(message, MAX_MESSAGE),
    CI_COMMIT_TITLE: message === undefined ? undefined : titleOf(message),
    CI_COMMIT_DESCRIPTION: message === undefined ? undefined : descriptionOf(message),
    CI_COMMIT_AUTHOR: commit?.author,
    CI_COMMIT_TIMESTAMP: commit && toTheSecond(commit.at),
    CI_COMMIT_TAG_MESSAGE: commit?.tagMessage,
  });

const projectVariables = ({ project }: Pick<PipelineFacts, 'project'>): Record<string, string> => {
  if (!project) return {};
  const { id, owner, name, defaultBranch } = project;
  return {
    CI_DEFAULT_BRANCH: defaultBranch,
    CI_DEFAULT_BRANCH_SLUG: slugOf(defaultBranch),
    CI_PROJECT_ID: id,
    CI_PROJECT_NAME: name,
    CI_PROJECT_TITLE: name,
    CI_PROJECT_OWNER: owner,
    CI_PROJECT_NAMESPACE: owner,
    CI_PROJECT_ROOT_NAMESPACE: owner,
    CI_PROJECT_PATH: `${owner}/${name}`,
    CI_PROJECT_PATH_SLUG: slugOf(`${owner}/${name}`),
  };
};

/** Where people find this server and what it shows of the pipeline; nothing where it does not know its own address. */
const serverVariables = ({
  server,
  project,
  pipelineId,
}: Pick<PipelineFacts, 'project' | 'server' | 'pipelineId'>): Record<string, string> => {
  if (!server) return {};
  const [major = '', minor = '', patch = ''] = server.version.split(/[.+-]/);
  const about = {
    CI_SERVER: 'yes',
    CI_SERVER_NAME: 'Foldline',
    CI_SERVER_VERSION: server.version,
    CI_SERVER_VERSION_MAJOR: major,
    CI_SERVER_VERSION_MINOR: minor,
    CI_SERVER_VERSION_PATCH: patch,
  };
  const { url } = server;
  if (url === undefined) return about;
  const { protocol, hostname, port, host } = new URL(url);
  return {
    ...about,
    CI_SERVER_URL: url,
    CI_SERVER_PROTOCOL: protocol.slice(0, -1),
    CI_SERVER_HOST: hostname,
    CI_SERVER_PORT: port || (protocol === 'https:' ? '443' : '80'),
    CI_SERVER_FQDN: host,
    ...given({
      CI_PROJECT_URL: project && `${url}/api/v1/projects/${project.owner}/${project.name}`,
      CI_PIPELINE_URL: project && pipelineId && `${apiOf(url, project)}/pipelines/${pipelineId}`,
    }),
  };
};

const apiOf = (url: string, { owner, name }: { owner: string; name: string }): string => `${url}/api/${owner}/${name}`;

/** Where the server shows a job; nothing where it does not know its own address. */
export const jobUrl = ({ server, project }: PipelineFacts, jobId: string): string | undefined =>
  server?.url !== undefined && project ? `${apiOf(server.url, project)}/jobs/${jobId}` : undefined;

/** Variables of a job that are known when it is planned: its rules may look at them (S0-50). */
export const jobFactVariables = (job: {
  name: string;
  definition: string;
  stage: string;
  image?: string | undefined;
}): Record<string, string> => ({
  CI_JOB_NAME: job.name,
  CI_JOB_NAME_SLUG: slugOf(job.name),
  CI_JOB_GROUP_NAME: job.definition,
  CI_JOB_STAGE: job.stage,
  CI_STAGE: job.stage,
  ...given({ CI_JOB_IMAGE: job.image }),
});

/** What is predefined is taken as it is, a commit's message above all; but an image is named by the definition's author. */
export const predefinedLayer = (values: Record<string, string>, common?: Record<string, string>): VariableLayer => ({
  values,
  ...(common && { common }),
  isData: (name) => name !== 'CI_JOB_IMAGE',
});

const given = (values: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined));

const titleOf = (message: string): string => beginning(message, MAX_MESSAGE).split('\n', 1)[0]!.trimEnd();

const descriptionOf = (message: string): string => {
  const shown = beginning(message, MAX_MESSAGE);
  const title = titleOf(message);
  return title.length < LONGEST_TITLE ? shown.slice(shown.split('\n', 1)[0]!.length).trim() : shown;
};

/** RFC 3339 in UTC to the second, as programs that read a timestamp of GitLab expect it. */
export const toTheSecond = (instant: string): string => instant.replace(/\.\d+(?=Z$)/, '');
