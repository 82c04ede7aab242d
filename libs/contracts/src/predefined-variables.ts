import type { GitRef, PipelineContext } from './plan.ts';
import { slugOf } from './variables.ts';

const MAX_MESSAGE = 16 * 1024;

/** What is known of a pipeline; while it is being planned that is less than when its jobs run. */
export type PipelineFacts = {
  ref: Pick<GitRef, 'name' | 'kind'> & Partial<GitRef>;
  /** Nothing asks for a pipeline of a merge request yet, but one can be planned without being run. */
  source: PipelineContext['source'] | 'merge_request_event';
} & Partial<Pick<PipelineContext, 'pipelineId' | 'project' | 'sha' | 'message'>>;

/** Variables that say what a pipeline runs for: the same for all of its jobs (S0-48, S0-49). */
export const pipelineFactVariables = ({
  ref,
  source,
  pipelineId,
  project,
  sha,
  message,
}: PipelineFacts): Record<string, string> => ({
  CI: 'true',
  FOLDLINE: 'true',
  CI_PIPELINE_SOURCE: source,
  CI_COMMIT_REF_NAME: ref.name,
  CI_COMMIT_REF_SLUG: slugOf(ref.name),
  ...(ref.kind === 'tag' && { CI_COMMIT_TAG: ref.name }),
  ...(ref.kind === 'branch' && { CI_COMMIT_BRANCH: ref.name }),
  ...(ref.protected !== undefined && { CI_COMMIT_REF_PROTECTED: String(ref.protected) }),
  ...(sha !== undefined && { CI_COMMIT_SHA: sha, CI_COMMIT_SHORT_SHA: sha.slice(0, 8) }),
  ...(message !== undefined && { CI_COMMIT_MESSAGE: message.slice(0, MAX_MESSAGE), CI_COMMIT_TITLE: titleOf(message) }),
  ...(pipelineId !== undefined && { CI_PIPELINE_ID: pipelineId }),
  ...(project !== undefined && {
    CI_DEFAULT_BRANCH: project.defaultBranch,
    CI_PROJECT_ID: project.id,
    CI_PROJECT_NAME: project.name,
    CI_PROJECT_OWNER: project.owner,
  }),
});

const titleOf = (message: string): string => message.slice(0, MAX_MESSAGE).split('\n', 1)[0]!.trimEnd();
