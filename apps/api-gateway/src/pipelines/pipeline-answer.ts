import { createHash } from 'node:crypto';
import type { JobDoc, PipelineDoc, Problem } from '@foldline/contracts';
import { problemType } from '../http/problem-codes.ts';
import { jobSummary, type JobSummary } from '../jobs/job-answer.ts';
import type { WaitingBriefly } from '../queue/waiting-jobs.ts';

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

type AllWaiting = ReadonlyMap<string, WaitingBriefly>;
type JobInPipeline = JobSummary & { waiting?: WaitingBriefly };
export type PipelineAnswer = ReturnType<typeof pipelineSummary> & { jobs: JobInPipeline[] };

/** A pipeline with all its jobs (S0-57); those that wait tell what for. */
export const pipelineAnswer = (
  pipeline: PipelineDoc,
  jobs: readonly JobDoc[],
  allWaiting: AllWaiting,
): PipelineAnswer => ({
  ...pipelineSummary(pipeline),
  jobs: jobs.map((job) => {
    const waiting = allWaiting.get(job.id);
    return { ...jobSummary(job), ...(waiting && { waiting }) };
  }),
});

/**
 * Changes exactly when the answer does: documents say which event they show last, and what a job waits for depends on
 * others.
 */
export const pipelineETag = (pipeline: PipelineDoc, jobs: readonly JobDoc[], allWaiting: AllWaiting): string => {
  const newest = jobs.reduce((position, job) => Math.max(position, job.updatedPosition), pipeline.updatedPosition);
  const shown = JSON.stringify([pipeline.id, newest, jobs.length, [...allWaiting]]);
  return `"${createHash('sha256').update(shown).digest('base64url').slice(0, 22)}"`;
};
