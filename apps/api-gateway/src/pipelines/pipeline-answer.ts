import { createHash } from 'node:crypto';
import type { JobDoc, PipelineDoc, Problem } from '@foldline/contracts';
import { problemType } from '../http/problem-codes.ts';
import { jobSummary, type JobSummary } from '../jobs/job-answer.ts';

export const pipelineUrl = ({ owner, project, id }: Pick<PipelineDoc, 'owner' | 'project' | 'id'>): string =>
  `/api/${owner}/${project}/pipelines/${id}`;

/** Problems of a definition with the page that tells what to do. */
export const linked = (problems: readonly Problem[]): (Problem & { type: string })[] =>
  problems.map((problem) => ({ ...problem, type: problemType(problem.code) }));

/** A pipeline in lists. What is of its plan is told by `/plan`. */
export const pipelineSummary = ({
  decisions: _decisions,
  included: _included,
  projectId: _projectId,
  updatedPosition: _u,
  ...doc
}: PipelineDoc) => ({
  ...doc,
  problems: linked(doc.problems),
  url: pipelineUrl({ owner: doc.owner, project: doc.project, id: doc.id }),
});

export type PipelineAnswer = ReturnType<typeof pipelineSummary> & { jobs: JobSummary[] };

/** A pipeline with all its jobs (S0-57). */
export const pipelineAnswer = (pipeline: PipelineDoc, jobs: readonly JobDoc[]): PipelineAnswer => ({
  ...pipelineSummary(pipeline),
  jobs: jobs.map(jobSummary),
});

/** Changes exactly when the answer does: documents say which event they show last. */
export const pipelineETag = (pipeline: PipelineDoc, jobs: readonly JobDoc[]): string => {
  const newest = jobs.reduce((position, job) => Math.max(position, job.updatedPosition), pipeline.updatedPosition);
  return `"${createHash('sha256').update(`${pipeline.id}:${newest}:${jobs.length}`).digest('base64url').slice(0, 22)}"`;
};
