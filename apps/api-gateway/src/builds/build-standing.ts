import { jobIdOf, type BuildDoc, type JobDoc, type PipelineDoc } from '@foldline/contracts';

/** S2-02: the words of the build API. */
export type BuildStatus = 'queued' | 'building' | 'success' | 'failed';
/** How a build stands: what its pipeline and that one's job say. */
export type BuildStanding = {
  status: BuildStatus;
  progress: number;
  /** When its newest attempt began to wait for a runner. */
  queuedAt?: string;
  /** When it had its turn to be built. */
  startedAt?: string;
  finishedAt?: string;
  /** Why it failed: a code that programs compare, and what people read. */
  error?: { code: string; message: string };
};

/** Shares of the whole: what came before its turn, then the image, then its registries. */
const PREPARED = 5;
const BUILT = 80;
const PUSHED = 99;

export const buildJobId = (pipelineId: string): string => jobIdOf(pipelineId, 0);

export const standingOf = (
  build: BuildDoc,
  pipeline: PipelineDoc | undefined,
  job: JobDoc | undefined,
): BuildStanding => {
  const startedAt = build.begun && build.begun.attempt === job?.attempt ? build.begun.at : undefined;
  const status = statusOf(pipeline, job, startedAt !== undefined);
  const finishedAt = job?.finishedAt ?? pipeline?.finishedAt;
  const error = status === 'failed' ? errorOf(pipeline, job) : undefined;
  return {
    status,
    progress: progressOf(status, build),
    ...(job?.queuedAt !== undefined && { queuedAt: job.queuedAt }),
    ...(startedAt !== undefined && { startedAt }),
    ...(finishedAt !== undefined && { finishedAt }),
    ...(error && { error }),
  };
};

/** A pipeline that was refused has no job. One whose job runs may be checked out still, or wait for its turn there. */
const statusOf = (pipeline: PipelineDoc | undefined, job: JobDoc | undefined, isBegun: boolean): BuildStatus => {
  if (!job) return pipeline?.finishedAt === undefined ? 'queued' : 'failed';
  if (job.status === 'success') return 'success';
  if (job.finishedAt !== undefined) return 'failed';
  return isBegun && (job.status === 'running' || job.status === 'finishing') ? 'building' : 'queued';
};

const progressOf = (status: BuildStatus, { percent, pushed, imageId, registries }: BuildDoc): number => {
  if (status === 'success') return 100;
  if (status === 'queued') return 0;
  if (imageId === undefined || percent < 100) return PREPARED + Math.floor(((BUILT - PREPARED) * percent) / 100);
  const pushes = registries.length * 2;
  return BUILT + Math.floor(((PUSHED - BUILT) * pushed.length) / Math.max(1, pushes));
};

const errorOf = (pipeline: PipelineDoc | undefined, job: JobDoc | undefined): { code: string; message: string } => {
  if (job?.status === 'cancelled') return { code: 'cancelled', message: 'the build was cancelled' };
  if (job?.reason !== undefined) return { code: job.reason, message: job.detail ?? job.reason };
  const [problem] = pipeline?.problems ?? [];
  return problem ? { code: problem.code, message: problem.message } : { code: 'failed', message: 'the build failed' };
};
