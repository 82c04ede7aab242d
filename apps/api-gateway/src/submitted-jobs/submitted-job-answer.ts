import type { PipelineDoc } from '@foldline/contracts';
import type { Waiting } from '../queue/waiting.ts';
import { prunedAt } from '../logs/job-logs.ts';
import type { FoundJob, StepOutput } from './submitted-job.queries.ts';
import type { StandingStep } from './submitted-job-standing.ts';

const epoch = (at: string | undefined): number | null => (at === undefined ? null : Date.parse(at));

/** A submitted job in lists, in the words of seed 001 (S1-08): times are milliseconds since 1970. */
export const submittedJobSummary = ({ submitted, job, standing }: FoundJob) => ({
  id: submitted.name,
  status: standing.status,
  currentStep: standing.currentStep,
  createdAt: epoch(submitted.createdAt),
  startedAt: epoch(job?.startedAt),
  finishedAt: epoch(job?.finishedAt),
  priority: submitted.priority,
  project: submitted.project,
  commit: submitted.commit ?? null,
  branch: submitted.branch ?? null,
  sha: submitted.sha,
  attempt: job?.attempt ?? 0,
  runner: job?.runnerId ?? null,
  pipelineId: submitted.id,
});

const stepAnswer = (step: StandingStep, { output, isWhole }: StepOutput) => ({
  name: step.name,
  status: step.status,
  output,
  ...(isWhole ? {} : { outputTruncated: true }),
  exitCode: step.exitCode ?? null,
  duration: step.durationMs ?? null,
  ...(step.detail !== undefined && { detail: step.detail }),
  ...(step.resumedFrom !== undefined && { resumedFrom: step.resumedFrom }),
});

const waitingAnswer = ({ since, expectedStart, ...waiting }: Waiting) => ({
  ...waiting,
  ...(since !== undefined && { since: epoch(since) }),
  ...(expectedStart && { expectedStart: { ...expectedStart, at: epoch(expectedStart.at) } }),
});

/** The same with its steps (S1-08, S1-13) and with what it waits for; durations are milliseconds. */
export const submittedJobAnswer = (
  found: FoundJob,
  outputs: readonly StepOutput[],
  { pipeline, waiting }: { pipeline: PipelineDoc | undefined; waiting: Waiting | undefined },
) => {
  const error = errorOf(found, pipeline);
  const pruned = found.job && prunedAt(found.job, found.job.attempt);
  return {
    ...submittedJobSummary(found),
    ...(waiting && { waiting: waitingAnswer(waiting) }),
    steps: found.standing.steps.map((step, at) => stepAnswer(step, outputs[at] ?? { output: '', isWhole: true })),
    caches: (found.job?.caches ?? [])
      .filter(({ attempt }) => attempt === found.job?.attempt)
      .map(({ key, result, matchedKey, files, bytes }) => ({
        key,
        result,
        ...(matchedKey !== undefined && { matchedKey }),
        files,
        bytes,
      })),
    ...(pruned !== undefined && { outputPrunedAt: epoch(pruned) }),
    ...(error && { error }),
  };
};

const errorOf = (
  { job }: FoundJob,
  pipeline: PipelineDoc | undefined,
): { code: string; message: string } | undefined => {
  if (job?.reason !== undefined) return { code: job.reason, message: job.detail ?? job.reason };
  const [problem] = job ? [] : (pipeline?.problems ?? []);
  return problem && { code: problem.code, message: problem.message };
};
