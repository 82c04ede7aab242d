import type { JobDoc } from '@foldline/contracts';

export type JobSummary = Omit<
  JobDoc,
  'projectId' | 'definition' | 'why' | 'steps' | 'caches' | 'images' | 'updatedPosition'
>;

/** A job in its pipeline's answer and in lists. */
export const jobSummary = ({
  projectId: _projectId,
  definition: _definition,
  why: _why,
  steps: _steps,
  caches: _caches,
  images: _images,
  updatedPosition: _updatedPosition,
  ...job
}: JobDoc): JobSummary => job;

/** A job by itself, with what its attempts did. */
export const jobAnswer = (job: JobDoc) => ({
  ...jobSummary(job),
  steps: job.steps,
  caches: job.caches,
  ...(job.images && { images: job.images }),
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
