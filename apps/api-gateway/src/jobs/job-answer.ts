import type { JobDoc } from '@foldline/contracts';

export type JobSummary = Omit<
  JobDoc,
  | 'projectId'
  | 'project'
  | 'definition'
  | 'kind'
  | 'requirements'
  | 'queuedPosition'
  | 'why'
  | 'steps'
  | 'caches'
  | 'container'
  | 'committedAt'
  | 'ownFailures'
  | 'submitted'
  | 'updatedPosition'
>;

/** A job in its pipeline's answer and in lists. */
export const jobSummary = ({
  projectId: _projectId,
  project: _project,
  definition: _definition,
  kind: _kind,
  requirements: _requirements,
  queuedPosition: _queuedPosition,
  why: _why,
  steps: _steps,
  caches: _caches,
  container: _container,
  committedAt: _committedAt,
  ownFailures: _ownFailures,
  submitted: _submitted,
  updatedPosition: _updatedPosition,
  ...job
}: JobDoc): JobSummary => job;

/** A job by itself, with what its attempts did. */
export const jobAnswer = (job: JobDoc) => ({
  ...jobSummary(job),
  steps: job.steps,
  caches: job.caches,
  ...(job.container && { container: job.container }),
});

/** A job as it was planned. */
export const jobPlan = ({ id, index, name, definition, stage, allowFailure, environment, matrix }: JobDoc) => ({
  id,
  index,
  name,
  definition,
  stage,
  allowFailure,
  ...(environment ? { environment } : {}),
  ...(matrix ? { matrix } : {}),
});
