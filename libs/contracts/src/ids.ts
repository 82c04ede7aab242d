/**
 * Ids are plain strings that are safe in URLs, stream names and file names.
 * A job's id is `<pipelineId>.<index>` and an attempt's is `<jobId>.<number>`, so each names its parents.
 */
export const jobIdOf = (pipelineId: string, index: number): string => `${pipelineId}.${index}`;
export const attemptIdOf = (jobId: string, attempt: number): string => `${jobId}.${attempt}`;

const JOB_ID = /^([0-9a-z]{1,64})\.(\d{1,6})$/;

/** The pipeline and index that a job id names, or nothing when the text is not a job id. */
export const parseJobId = (jobId: string): { pipelineId: string; index: number } | undefined => {
  const match = JOB_ID.exec(jobId);
  return match ? { pipelineId: match[1]!, index: Number(match[2]) } : undefined;
};

/** The job that an attempt id belongs to. */
export const jobOfAttempt = (attemptId: string): string => attemptId.slice(0, attemptId.lastIndexOf('.'));
export const pipelineOfJob = (jobId: string): string => jobId.slice(0, jobId.indexOf('.'));
